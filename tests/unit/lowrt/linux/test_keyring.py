"""A session keyring of one's own."""

import errno
import os

from lowrt.linux import keyring


def test_a_named_keyring_is_joined_and_made_searchable() -> None:
    """In a child: the session keyring is the process's."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            keyring.allow_search_by_user(keyring.join_session_keyring(f"_ses.test-{os.getpid()}"))
            status = 0
        except OSError as error:
            status = 0 if error.errno in (errno.ENOSYS, errno.EPERM) else 2  # a kernel or sandbox without keys
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
