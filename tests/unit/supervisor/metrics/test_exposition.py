"""Prometheus' text format."""

from supervisor.metrics.exposition import Family, render


def test_samples_have_escaped_labels_in_order() -> None:
    """Whole numbers are written whole; a family without samples is left out."""
    family = Family("x_total", "counter", "How many")
    family.add(3, name='a"b\\c\nd', id="1")
    family.add(0.5)
    assert render([family, Family("none", "gauge", "")]) == (
        '# HELP x_total How many\n# TYPE x_total counter\nx_total{id="1",name="a\\"b\\\\c\\nd"} 3\nx_total 0.5\n'
    )
