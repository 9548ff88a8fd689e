/** Korean of what if. */
export const whatif = {
  'What if': '가정해 보기',
  'What if: {name}': '가정해 보기: {name}',
  '6 hours': '6시간',
  'Another what-if is running. Try again when it is done.':
    '다른 가정해 보기가 돌고 있습니다. 끝나면 다시 해 보세요.',
  'It took too long. Choose a shorter range.': '너무 오래 걸렸습니다. 더 짧은 범위를 고르세요.',
  'As it was, measured': '실제 측정값',
  'Limits as they are now': '지금 제한 그대로',
  'Held back': '막힌 주기',
  'Cores given': '준 코어',
  'Beside now': '지금과 비교',
  'Memory given': '준 메모리',
  'Changes an hour': '시간당 변경',
  'OOM kills a day': '하루 OOM 종료',
  'saves {n}': '{n} 절약',
  'costs {n}': '{n} 더 듦',
  'What would have been': '그랬다면 어땠을지',
  'its class now': '지금 유형',
  'From {t} of history. The same load, second by second, meets each policy.':
    '기록 {t}에서 나온 값입니다. 같은 부하를 초 단위로 정책마다 겪게 합니다.',
  'It was held back in {p} of periods, so it wanted more than is known: what is simulated is too kind to it.':
    '주기의 {p}에서 막혔으니 알려진 것보다 더 쓰려 했습니다. 모의 결과는 실제보다 좋게 나옵니다.',
  'by policy': '정책대로',
  'Its own history, replayed under each class. Nothing is set. What the owner gave is taken back only down to the least that stands here.':
    '이 컨테이너의 기록을 유형마다 다시 돌려 봅니다. 아무것도 바꾸지 않습니다. 주인이 준 것은 여기 적힌 최소까지만 거둡니다.',
  'How far back?': '얼마나 전부터?',
  'Replaying its history. This may take two minutes.':
    '기록을 다시 돌리고 있습니다. 2분까지 걸릴 수 있습니다.',
};
