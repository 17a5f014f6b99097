"""Claims between makers and the sweeper."""

from supervisor.metadata.claims import Claims


def test_what_is_claimed_is_not_free() -> None:
    """Until the last claim is given back."""
    claims = Claims()
    with claims.claim("a"):
        with claims.claim("a"), claims.unclaimed("a") as free:
            assert not free
        with claims.unclaimed("a") as free:
            assert not free
        with claims.unclaimed("b") as free:
            assert free
    with claims.unclaimed("a") as free:
        assert free


def test_a_claim_is_given_back_by_an_exception() -> None:
    """Or the thing could never be removed."""
    claims = Claims()
    try:
        with claims.claim("a"):
            raise KeyError
    except KeyError:
        pass
    with claims.unclaimed("a") as free:
        assert free
