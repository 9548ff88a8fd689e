"""Where settings come from, which wins, what secrets become, and every fault at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.load import load, show
from config.schema import Settings
from model.errors import InvalidInput

HOME = {"HOME": "/home/anna"}
KINDS = "must be webhook, alertmanager, slack, discord, ntfy, pagerduty or apprise, not 'pager'"


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def faults(path: Path | None, environ: Mapping[str, str] = HOME, **named: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        load(path, environ, root=False, **named)  # type: ignore[arg-type]
    return {f.path: f.message for f in caught.value.faults}


def test_defaults_as_root() -> None:
    settings = load(None, {}, root=True)
    assert settings.agent.data_dir == "/var/lib/wharfinger"
    assert settings.agent.run_dir == "/run/wharfinger"
    assert settings.web.auth_dir == "/var/lib/wharfinger/web"
    assert settings.agent.interval_s == 1.0
    assert settings.agent.host_name


@pytest.mark.parametrize(
    ("environ", "data", "run"),
    [
        (
            {"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r"},
            "/s/wharfinger",
            "/r/wharfinger",
        ),
        ({"HOME": "/h"}, "/h/.local/state/wharfinger", "/h/.local/state/wharfinger/run"),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/wharfinger", "/h/.local/state/wharfinger/run"),
        ({}, "/.local/state/wharfinger", "/.local/state/wharfinger/run"),
    ],
)
def test_folders_without_root(environ: dict[str, str], data: str, run: str) -> None:
    agent = load(None, environ, root=False).agent
    assert (agent.data_dir, agent.run_dir) == (data, run)


def test_file_then_environment_then_flags(tmp_path: Path) -> None:
    path = written(tmp_path, '[agent]\ninterval_s = 2\nhost_name = "file"\ndata_dir = "/file"\n')
    environ = {"WHARFINGER_AGENT__HOST_NAME": "environment", "WHARFINGER_AGENT__DATA_DIR": "/environment"}
    settings = load(path, environ, root=True, overrides={"agent.data_dir": "/flag", "web.listen": None})
    assert settings.agent.interval_s == 2.0
    assert settings.agent.host_name == "environment"
    assert settings.agent.data_dir == "/flag"
    assert settings.web.listen == "127.0.0.1:9321"


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    path = written(tmp_path, '[limits]\nmode = "auto"\n')
    assert load(None, {"WHARFINGER_CONFIG": str(path)}, root=True).limits.mode == "auto"
    assert "no such file" in faults(tmp_path / "gone.toml")[str(tmp_path / "gone.toml")]


def test_every_type_from_the_environment() -> None:
    settings = load(
        None,
        {
            "WHARFINGER_STORE__RAW_DAYS": "3",
            "WHARFINGER_STORE__INFLUXDB__BATCH_LINES": " 100 ",
            "WHARFINGER_WEB__METRICS_AUTH": "No",
            "WHARFINGER_DISCOVERY__EXCLUDE": "*-tmp, a",
            "WHARFINGER_WEB__TRUSTED_PROXIES": '["10.0.0.0/8"]',
            "WHARFINGER_ALERTS__RECEIVER": '[{"name": "ops", "url": "http://h", "match": {"severity": ["info"]}}]',
            "WHARFINGER_STORE__INFLUXDB__URL": "",
            "WHARFINGER_SERVICE_HOST": "10.1.2.3",
            "WHARFINGER_PORT": "tcp://10.1.2.3:9321",
        },
        root=True,
    )
    assert settings.store.raw_days == 3.0
    assert settings.store.influxdb.batch_lines == 100
    assert settings.web.metrics_auth is False
    assert settings.discovery.exclude == ["*-tmp", "a"]
    assert settings.web.trusted_proxies == ["10.0.0.0/8"]
    assert settings.alerts.receiver[0].match == {"severity": ["info"]}


def test_all_faults_at_once_each_with_its_path_and_the_nearest_key(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        raw_days = 1
        [agent]
        intervall_s = 1
        data_dir = 5
        [store]
        raw_days = "two"
        [web]
        listen = "9321"
        interval_s = 2
        [limits]
        mode = "fast"
        cpu_max = true
        [discovery]
        exclude = ["a", 1]
        [fleets]
        [[alerts.receiver]]
        name = "ops"
        kind = "pager"
        url = "http://h"
        matches = 1
        """,
    )
    told = faults(path, {**HOME, "WHARFINGER_STORE__MAX_BYTES": "many", "WHARFINGER_STORE__MINUTE_DAY": "1"})
    assert told == {
        "raw_days": "no such setting; did you mean store.raw_days?",
        "agent.intervall_s": "no such setting; did you mean agent.interval_s?",
        "agent.data_dir": "must be text, not whole number",
        "store.raw_days": "must be a number, not text",
        "store.max_bytes": "must be a whole number (from WHARFINGER_STORE__MAX_BYTES)",
        "store.minute_day": "no such setting (from WHARFINGER_STORE__MINUTE_DAY); did you mean store.minute_days?",
        "web.listen": "'9321' is no address: write 127.0.0.1:9321 or [::1]:9321",
        "web.interval_s": "no such setting; did you mean agent.interval_s?",
        "limits.mode": "must be off, observe or auto, not 'fast'",
        "limits.cpu_max": "must be a number, not true or false",
        "discovery.exclude": "must be a list of texts, not a list",
        "fleets": "no such setting; did you mean fleet?",
        "alerts.receiver[0].kind": KINDS,
        "alerts.receiver[0].matches": "no such setting; did you mean alerts.receiver[0].match?",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[agent\n", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[agent]\nhost_name = 'a'\nhost_name = 'b'\n", "is not TOML: "),
    ],
)
def test_files_that_are_no_toml(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    assert faults(path)[str(path)].startswith(message)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert faults(tmp_path)[str(tmp_path)] == "can't be read: Is a directory"


def test_a_section_that_is_no_table(tmp_path: Path) -> None:
    assert faults(written(tmp_path, 'agent = "x"\nfleet = 3\n')) == {
        "agent": "must be a table",
        "fleet": "must be a list of tables, each written [[fleet]]",
    }


def test_secrets_from_files(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    path = written(
        tmp_path,
        f"""
        [store.influxdb]
        token_file = "{token}"
        [[alerts.receiver]]
        name = "ops"
        url = "http://h"
        secret_file = "{token}"
        """,
    )
    settings = load(path, {"WHARFINGER_WEB__API_TOKEN_FILE": str(token)}, root=True)
    assert settings.store.influxdb.token == "s3cret"
    assert settings.alerts.receiver[0].secret == "s3cret"
    assert settings.web.api_token == "s3cret"
    assert load(path, {}, root=True, needs=("web",)).alerts.receiver[0].secret == ""


def test_a_secret_given_above_displaces_the_one_below(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("from file")
    in_file = written(tmp_path, f'[web]\napi_token_file = "{token}"\nadmin_password = "below"\n')
    environ = {"WHARFINGER_WEB__API_TOKEN": "above", "WHARFINGER_WEB__ADMIN_PASSWORD_FILE": str(token)}
    web = load(in_file, environ, root=True).web
    assert (web.api_token, web.admin_password) == ("above", "from file")


def test_secret_files_that_give_no_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xff")
    (tmp_path / "large").write_text("x" * 70000)
    told = faults(
        written(
            tmp_path,
            f"""
            [web]
            api_token_file = "{tmp_path}/none"
            admin_password_file = "{tmp_path}/empty"
            [store.influxdb]
            token_file = "{tmp_path}/binary"
            [alerts]
            webhook_url = "http://h"
            webhook_secret_file = "{tmp_path}/large"
            [[alerts.receiver]]
            name = "ops"
            url = "http://h"
            secret = "a"
            secret_file = "b"
            """,
        )
    )
    assert told["web.api_token_file"] == f"{tmp_path}/none can't be read: No such file or directory"
    assert told["web.admin_password_file"] == f"{tmp_path}/empty is empty"
    assert told["store.influxdb.token_file"] == f"{tmp_path}/binary is not UTF-8 text"
    assert told["alerts.webhook_secret_file"] == f"{tmp_path}/large is too large for a secret"
    assert told["alerts.receiver[0].secret_file"] == "give secret or secret_file, not both"


def test_no_secret_in_errors_or_shown_settings(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [store.influxdb]
        url = "http://user:hunter2@h"
        token = "hunter2"
        [web]
        api_token = "hunter2"
        admin_password = ["hunter2"]
        public_url = "hunter2"
        [alerts]
        webhook_url = "hunter2:"
        [[fleet]]
        name = "b"
        url = "http://h:hunter2"
        token = "hunter2"
        """,
    )
    told = faults(path)
    assert set(told) == {
        "store.influxdb.url",
        "web.admin_password",
        "web.public_url",
        "alerts.webhook_url",
        "fleet[0].url",
    }
    assert "hunter2" not in json.dumps(told)
    settings = load(
        None,
        {
            "WHARFINGER_WEB__API_TOKEN": "hunter2",
            "WHARFINGER_ALERTS__WEBHOOK_URL": "https://h/hunter2",
            "WHARFINGER_FLEET": '[{"name": "b", "url": "http://h", "token": "hunter2"}]',
        },
        root=True,
    )
    shown = show(settings)
    assert "hunter2" not in json.dumps(shown)
    assert shown["web"]["api_token"] == "***"
    assert shown["alerts"]["webhook_url"] == "https://h/…"
    assert shown["fleet"][0]["url"] == "http://h"
    assert shown["store"]["influxdb"]["token"] == ""


V2 = {"INFLUXDB_V2_URL": "http://v2", "INFLUXDB_V2_TOKEN": "t", "INFLUXDB_V2_ORG": "o"}


class TestInfluxdbClientEnvironment:
    def test_alone_it_turns_the_push_on(self) -> None:
        influxdb = load(None, V2, root=True).store.influxdb
        assert (influxdb.url, influxdb.token, influxdb.org) == ("http://v2", "t", "o")

    def test_our_own_settings_win_and_its_token_goes_to_no_other_url(self, tmp_path: Path) -> None:
        path = written(tmp_path, '[store.influxdb]\nurl = "http://ours"\n')
        influxdb = load(path, V2, root=True).store.influxdb
        assert (influxdb.url, influxdb.token, influxdb.org) == ("http://ours", "", "")

    def test_the_token_of_the_same_url_is_taken(self) -> None:
        influxdb = load(None, {**V2, "WHARFINGER_STORE__INFLUXDB__URL": "http://v2"}, root=True).store.influxdb
        assert influxdb.token == "t"


def test_a_demand_on_the_command_line_takes_the_fields_type() -> None:
    assert load(None, {}, root=True, overrides={"agent.interval_s": "0.5"}).agent.interval_s == 0.5
    told = faults(None, overrides={"agent.interval_s": "x", "agent.interval": 1, "store": 1})
    assert told["agent.interval_s"] == "must be a number (from the command line)"
    assert told["agent.interval"] == "no such setting; did you mean agent.interval_s?"
    assert told["store"] == "must be a table"


def test_loading_gives_whole_settings() -> None:
    assert isinstance(load(None, HOME, root=False), Settings)
