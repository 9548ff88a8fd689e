"""Contract of AuthStore."""

from __future__ import annotations

from dataclasses import replace

from storage.api import AuthStore, Session, Token, User

ANN = User("ann", "admin", "scrypt:…", 1000)


def test_users(auth: AuthStore) -> None:
    auth.put_user(User("bob", "viewer", "h", 2000))
    auth.put_user(ANN)
    auth.put_user(User("bob", "operator", "h2", 2000, disabled=True))
    assert auth.users() == (ANN, User("bob", "operator", "h2", 2000, disabled=True))
    assert auth.user("ann") == ANN
    auth.put_user(replace(ANN, subject="https://sso.example.com 1"))
    assert auth.user("ann") == replace(ANN, subject="https://sso.example.com 1")
    assert auth.user("'; DROP TABLE user; --") is None


def test_sessions_go_with_their_user_and_their_time(auth: AuthStore) -> None:
    auth.put_user(ANN)
    first = Session("s1", "ann", "admin", 1000, 1000, 5000)
    auth.put_session(first)
    auth.put_session(replace(first, id_hash="s2", expires_at_ms=9000))
    auth.put_session(replace(first, seen_at_ms=4000))
    assert auth.session("s1") == replace(first, seen_at_ms=4000)
    auth.expire_sessions(5000)
    assert auth.session("s1") is None
    assert auth.session("s2") is not None
    auth.expire_sessions(5001)
    assert auth.delete_user("ann") is True
    assert auth.session("s2") is None
    assert auth.delete_user("ann") is False
    auth.put_session(first)
    auth.put_session(replace(first, id_hash="s3", user="bob"))
    auth.delete_sessions_of("ann")
    assert auth.session("s1") is None
    assert auth.delete_session("s3") is True
    assert auth.delete_session("s3") is False


def test_tokens(auth: AuthStore) -> None:
    token = Token("t1", "ci", "viewer", "hash", "ann", 1000, None, None)
    auth.put_token(token)
    auth.put_token(replace(token, last_used_at_ms=3000))
    assert auth.token("hash") == replace(token, last_used_at_ms=3000)
    assert auth.token("other") is None
    assert [t.id for t in auth.tokens()] == ["t1"]
    assert auth.delete_token("t1") is True
    assert auth.delete_token("t1") is False
    assert auth.tokens() == ()


def test_values(auth: AuthStore) -> None:
    assert auth.value("setup") is None
    auth.put_value("setup", "a")
    auth.put_value("setup", "b")
    assert auth.value("setup") == "b"
    auth.put_value("setup", None)
    assert auth.value("setup") is None
