"""Do two articles show the same?"""

import functools

from reading import is_driver


@functools.cache
def touching(other):
    """Modules under which another article's rule would be found for a stop."""
    if other.drivers:
        return other.drivers
    stack = other.stack()
    found = [f"{i}.sys" for i, _ in stack]
    found += [s.place[1] for s in other.printed_sets() if s.place and s.place[1]]
    if not found:
        found = [m for m in other.fixed_only + other.suspects if is_driver(m)]
    return found


def shares(kind, mine, other):
    if kind == "stack":
        theirs = other.stack()[:6]
        return bool(theirs) and not set(mine).isdisjoint(theirs) and (
            runs_through(mine, theirs) or runs_through(theirs[:4], mine))
    if kind == "irp":
        told = other.raw.get("irp")
        return isinstance(told, dict) and mine in (told.get("driver"), told.get("completion_in"))
    if kind == "function":
        return other.proving_function() == mine
    if kind == "set":
        return any(s.exact() and s.place[1] in other.drivers and (s.fits(mine) or mine.fits(s))
                   for s in other.printed_sets())
    return False


def runs_through(short, long):
    rest = iter(long)
    return all(any(f == g for g in rest) for f in short)
