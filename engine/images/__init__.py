"""What an image is to Docker, on top of what the supervisor stores: names, identities, and the verbs that move them."""
