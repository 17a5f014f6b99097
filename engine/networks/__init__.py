"""Networks as Docker shows them: addresses, bridges, endpoints in namespaces, and the rules that let packets out."""
