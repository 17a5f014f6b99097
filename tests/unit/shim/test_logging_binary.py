"""binary://: the logger's argv."""

from urllib.parse import urlsplit

from shim.logging_binary import command


def test_each_key_comes_with_its_first_value() -> None:
    """Escapes are undone; an empty value is a word, too."""
    uri = urlsplit("binary:///opt/my%20logger?--id=c%2F1&--flag=&--id=second")
    assert command(uri) == ["/opt/my logger", "--id", "c/1", "--flag", ""]
