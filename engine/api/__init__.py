"""The Docker Engine API over HTTP: routes decode, call one verb, encode; everything else happens below."""
