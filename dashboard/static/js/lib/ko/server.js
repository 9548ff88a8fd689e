/** Korean of the sentences that the agent makes: bottlenecks, advice, and what the controller did about them. */
export const SAID = {
  'Held back by its CPU limit.': 'CPU 제한에 막혀 있습니다.',
  'Throttled in {share} of periods for {t}; uses {used} of {limit} cores.':
    '{t} 동안 주기의 {share}에서 멈췄고, {limit}코어 중 {used}를 씁니다.',
  'Its limit is all that the host has: give it less to do, spread it over more hosts, or move its neighbours.':
    '제한이 이미 호스트 전체입니다. 일을 줄이거나 여러 호스트로 나누거나 이웃을 옮기세요.',
  'It uses little on average, but its threads run in bursts that use up a period at once: raise its CPU limit, or let it run fewer threads.':
    '평균은 적지만 스레드가 한꺼번에 몰려 주기를 다 씁니다. CPU 제한을 올리거나 스레드를 줄이세요.',
  'Raise its CPU limit, or give it less to do.': 'CPU 제한을 올리거나 일을 줄이세요.',
  'Waits for CPU that others use.': '다른 것이 쓰는 CPU를 기다립니다.',
  'Some of its tasks waited in {share} of the last {t}, no quota held it back; the host\'s CPUs are {busy} busy.':
    '최근 {t} 중 {share} 동안 일부 작업이 기다렸습니다. 제한에 막힌 것은 아니며, 호스트 CPU는 {busy} 바쁩니다.',
  'A higher CPU limit changes nothing here: give it a larger CPU weight, or move work off this host.':
    'CPU 제한을 올려도 달라지지 않습니다. CPU 가중치를 높이거나 일을 다른 호스트로 옮기세요.',
  'Waits for CPU.': 'CPU를 기다립니다.',
  'A higher CPU limit changes nothing here: let it run on more CPUs (its cpuset), or move what else runs on these.':
    'CPU 제한을 올려도 달라지지 않습니다. 더 많은 CPU에서 돌게 하거나(cpuset) 그 CPU를 쓰는 다른 것을 옮기세요.',
  'Disk fills up: {list}.': '디스크가 차고 있습니다: {list}.',
  'Find what grows (\'docker system df\', logs, /var/lib/docker), and remove it or give it room.':
    '무엇이 커지는지 찾아(\'docker system df\', 로그, /var/lib/docker) 지우거나 공간을 늘리세요.',
  'The push to InfluxDB loses points: {list}.': 'InfluxDB로 보내는 점이 사라집니다: {list}.',
  'Bring InfluxDB back (\'wharfinger health\' says what it answers), or raise store.influxdb.spool_max_bytes; the embedded store has these seconds.':
    'InfluxDB를 되살리거나(\'wharfinger health\'가 응답을 말해 줍니다) store.influxdb.spool_max_bytes를 올리세요. 내장 저장소에는 이 시간이 남아 있습니다.',
  'The file spool/dead_letters.lp in the data folder holds the reason and the lines.':
    '데이터 폴더의 spool/dead_letters.lp에 이유와 줄이 있습니다.',
  'Waits for I/O.': 'I/O를 기다립니다.',
  'Waits for the disk {device}.': '디스크 {device}를 기다립니다.',
  'All of its tasks waited in {share} of the last {t}, at {rate}/s of its own.':
    '최근 {t} 중 {share} 동안 모든 작업이 기다렸고, 스스로는 초당 {rate}를 씁니다.',
  'It is the one that uses {device} most ({share} of what containers do).':
    '{device}를 가장 많이 쓰는 것이 바로 이것입니다(컨테이너 전체의 {share}).',
  '{name} uses {device} most ({share} of what containers do).':
    '{name}이(가) {device}를 가장 많이 씁니다(컨테이너 전체의 {share}).',
  'Give the disk less to do, or move one of its users to another.': '디스크의 일을 줄이거나 쓰는 것 하나를 다른 디스크로 옮기세요.',
  'More memory helps only where it reads again what did not fit into its cache.':
    '캐시에 못 담아 다시 읽는 경우에만 메모리를 늘리는 것이 도움이 됩니다.',
  'Leaks memory.': '메모리가 샙니다.',
  'What it keeps at the least rose from {a} to {b} in {t}, {rate} an hour.':
    '늘 붙잡고 있는 양이 {t} 동안 {a}에서 {b}로 늘었습니다(시간당 {rate}).',
  'Restart it at a good time and look for what it keeps; a higher limit only puts off the end.':
    '알맞은 때에 재시작하고 무엇을 붙잡는지 찾으세요. 제한을 올리면 끝을 미룰 뿐입니다.',
  'Close to its memory limit.': '메모리 제한에 가깝습니다.',
  'Running towards its memory limit.': '메모리 제한으로 다가가고 있습니다.',
  'Uses {used} of {limit} ({share}).': '{limit} 중 {used}({share})를 씁니다.',
  'Full in about {t} ({a} to {b}): it grows by {rate}/s.': '약 {t}({a}–{b}) 뒤에 찹니다. 초당 {rate}씩 늘어납니다.',
  'Full in about {t}.': '약 {t} 뒤에 찹니다.',
  'Most of it is file cache that the kernel takes back when needed: watch memory pressure and refaults.':
    '대부분 커널이 필요하면 거두는 파일 캐시입니다. 메모리 압박과 다시 읽기를 지켜보세요.',
  'Raise its memory limit, or let it keep less in memory.': '메모리 제한을 올리거나 메모리에 덜 담게 하세요.',
  'Raise its memory limit. If it grows without more work, it leaks: restart it and look for what it keeps.':
    '메모리 제한을 올리세요. 일이 늘지 않는데 커지면 새는 것이니 재시작하고 무엇을 붙잡는지 찾으세요.',
  'Out of memory.': '메모리가 모자랐습니다.',
  'The kernel killed a process of it at its limit of {limit} within {t}.':
    '커널이 {t} 안에 제한 {limit}에서 프로세스 하나를 죽였습니다.',
  'The kernel killed {n} processes of it at its limit of {limit} within {t}.':
    '커널이 {t} 안에 제한 {limit}에서 프로세스 {n}개를 죽였습니다.',
  'The kernel killed a process of it within {t}.': '커널이 {t} 안에 프로세스 하나를 죽였습니다.',
  'The kernel killed {n} processes of it within {t}.': '커널이 {t} 안에 프로세스 {n}개를 죽였습니다.',
  'Raise its memory limit, or find what it keeps: work was lost.': '메모리 제한을 올리거나 무엇을 붙잡는지 찾으세요. 하던 일을 잃었습니다.',
  'Work was lost. If it had no limit of its own, the host ran out of memory: see who uses most.':
    '하던 일을 잃었습니다. 자체 제한이 없었다면 호스트의 메모리가 모자란 것이니 누가 가장 많이 쓰는지 보세요.',
  'Thrashes.': '메모리를 내보내고 다시 읽기를 되풀이합니다.',
  'All of its tasks waited for memory in {share} of the last {t}, while {n} pages a second came back just after they were thrown out.':
    '최근 {t} 중 {share} 동안 모든 작업이 메모리를 기다렸고, 내보낸 페이지가 초당 {n}개씩 곧바로 돌아왔습니다.',
  'Raise its memory limit: what it works on does not fit.': '메모리 제한을 올리세요. 다루는 것이 다 들어가지 않습니다.',
  'Nothing limits it: the host is short of memory. See who uses most of it.':
    '막는 제한은 없고 호스트의 메모리가 모자랍니다. 누가 가장 많이 쓰는지 보세요.',
  'Loses packets.': '패킷을 잃습니다.',
  'Over {t}: {list}.': '{t} 동안: {list}.',
  'It may not read fast enough (see whether it is short of CPU), send more than its queue holds, or get what it has no use for; look at the interface with \'ip -s link\'.':
    '읽기가 느리거나(CPU가 모자란지 보세요), 대기열보다 많이 보내거나, 쓸모없는 것을 받는지도 모릅니다. \'ip -s link\'로 인터페이스를 보세요.',
  'Waits for {what} since {name} uses more of it.': '{name}이(가) 더 쓰고부터 {what}을(를) 기다립니다.',
  'It waited in {share} of the last {t}; {name} uses {use}, and its use rose together with the waiting.':
    '최근 {t} 중 {share} 동안 기다렸습니다. {name}은(는) {use}를 쓰며, 그 사용이 기다림과 함께 늘었습니다.',
  'Has far more than it needs.': '필요보다 훨씬 많이 가졌습니다.',
  'Used in 99 % of {t} at most {list}.': '{t}의 99 % 동안 많아야 {list}를 썼습니다.',
  'Lower its limits towards twice what it uses, if the room is needed elsewhere.':
    '다른 곳에 자리가 필요하면 제한을 쓰는 양의 두 배쯤으로 낮추세요.',
  'Close to its limit of processes and threads.': '프로세스와 스레드 제한에 가깝습니다.',
  'Has {n} of {limit} ({share}); beyond it no process or thread can be started.':
    '{limit}개 중 {n}개({share})입니다. 넘으면 프로세스나 스레드를 더 시작할 수 없습니다.',
  'Look for threads or child processes that never end; raise --pids-limit if it needs them.':
    '끝나지 않는 스레드나 자식 프로세스를 찾고, 꼭 필요하면 --pids-limit를 올리세요.',
  'Restarts over and over.': '재시작을 되풀이합니다.',
  'Ended {n} times in {t}, last with {how}.': '{t} 동안 {n}번 끝났고, 마지막은 {how}입니다.',
  'Read its last lines with \'docker logs\'; stop it if it does harm while it tries.':
    '\'docker logs\'로 마지막 줄을 읽고, 시도가 해를 끼치면 멈추세요.',
  'Unhealthy.': '비정상입니다.',
  'Its health check fails again and again.': '상태 점검이 거듭 실패합니다.',
  'See what its check says with \'docker inspect\', and whether it is short of CPU or memory: a check that is too slow fails as well.':
    '\'docker inspect\'로 점검이 뭐라 하는지, CPU나 메모리가 모자란지 보세요. 너무 느린 점검도 실패합니다.',
  'Has no memory limit on a host that is nearly out of memory.': '메모리가 거의 찬 호스트에서 메모리 제한이 없습니다.',
  'Uses {used}, {share} of the host\'s; {free} are left.': '{used}를 쓰며 호스트의 {share}입니다. 남은 것은 {free}입니다.',
  'Give it a memory limit, so that it feels it when it grows, not the others.':
    '메모리 제한을 두어, 커질 때 다른 것이 아니라 스스로 느끼게 하세요.',
  'Has no CPU limit on a busy host.': '바쁜 호스트에서 CPU 제한이 없습니다.',
  'Uses {used}, {share} of the host\'s, which is {busy} busy.': '{used}를 쓰며 호스트의 {share}입니다. 호스트는 {busy} 바쁩니다.',
  'Give it a CPU limit or a smaller weight if others have to wait for it.':
    '다른 것이 기다려야 한다면 CPU 제한이나 더 작은 가중치를 주세요.',
  'Correct it (labels: recreate the container); until then that value is not used.':
    '고치세요(라벨이면 컨테이너를 다시 만들기). 그때까지 그 값은 쓰지 않습니다.',
  'Raised {a} → {b} at {time}: {why}.': '{time}에 {a} → {b}로 올렸습니다: {why}.',
  'Lowered {a} → {b} at {time}: {why}.': '{time}에 {a} → {b}로 낮췄습니다: {why}.',
  'Watching only: its policy is {mode}.': '지켜보기만 합니다. 정책이 {mode}입니다.',
  'Would raise {a} → {b}.': '{a} → {b}로 올렸을 것입니다.',
  'Would lower {a} → {b}.': '{a} → {b}로 낮췄을 것입니다.',
  'Left alone until its policy changes: {why}.': '정책이 바뀔 때까지 그대로 둡니다: {why}.',
  'Left alone until {time}: {why}.': '{time}까지 그대로 둡니다: {why}.',
  'Left alone: {why}.': '그대로 둡니다: {why}.',
  'Not raised: {value} is the most that its bounds allow.': '올리지 않았습니다. {value}가 허용된 최대입니다.',
  'Not raised: {why}.': '올리지 않았습니다: {why}.',
  'Left as it is: it waits for CPU that others use, not at its quota; a higher weight would help it.':
    '그대로 둡니다. 제한이 아니라 다른 것이 쓰는 CPU를 기다립니다. 가중치를 높이면 도움이 됩니다.',
  'Left as it is: it uses exactly one core, so that a higher quota would give it nothing.':
    '그대로 둡니다. 꼭 한 코어를 쓰므로 더 주어도 소용이 없습니다.',
  'No CPU or memory limit is the cause, so nothing was changed.': 'CPU나 메모리 제한이 원인이 아니므로 아무것도 바꾸지 않았습니다.',
  'Not lowered: only what was given is taken back, never what its owner set.':
    '낮추지 않았습니다. 준 것만 되찾으며 소유자가 정한 것은 건드리지 않습니다.',
  'Nothing was changed: its limits could not be read so far.': '바꾸지 않았습니다. 아직 제한을 읽지 못했습니다.',
  'Watching: no change is due yet.': '지켜보는 중이며, 아직 바꿀 것이 없습니다.',
};
