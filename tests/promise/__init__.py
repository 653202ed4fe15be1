"""The delivery promise, held against every fault that a release depends on."""
