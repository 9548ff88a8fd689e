"""Sign-in by an OpenID Connect provider: ``provider`` asks it, ``claims`` reads its answer, ``doors`` are the pages.

Authlib and requests (the extra ``wharfinger[oidc]``) are imported when the first person signs in, and only here.
"""
