"""The walls: what core needs of the outside, as small Protocols. One contract suite each, in tests/contract/."""
