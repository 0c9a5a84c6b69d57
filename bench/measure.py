# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What the measurements of the agent share: figures with their uncertainty, command lines."""

import argparse
import math
import os
import platform
import statistics
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "examples/farm"))

Z_95 = 1.959964


def wilson(hits, trials):
    """The 95 % interval (Wilson's) of a share."""
    if not trials:
        return 0.0, 1.0
    share, z2 = hits / trials, Z_95 ** 2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials
                                                  + z2 / (4 * trials * trials))
    return middle - spread, middle + spread


def share(hits, trials):
    """A share for a person, with its interval."""
    low, high = wilson(hits, trials)
    return f"{100 * hits / max(trials, 1):6.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def median_of_ratios(ones, others):
    """The median of the ratios of two samples that were taken in pairs, and its 95 % interval by
    ranks: it needs to know nothing of how they are spread. Fewer than six pairs have none (five
    cover 93.8 %): then it is from the least to the greatest."""
    ratios = sorted(one / other for one, other in zip(ones, others))
    count, low = len(ratios), 0
    # With so many cut off at each end, the median is outside in at most 5 % of cases: of 2^count,
    # so many at one end. Whole numbers, as these are too large for others.
    outside = 1 + count
    while 40 * outside <= 2 ** count:
        low += 1
        outside += math.comb(count, low + 1)
    return statistics.median(ratios), ratios[low], ratios[count - 1 - low]


def parser(description):
    """A parser with what all measurements take."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--build", default=os.path.join(ROOT, "build/dev"), metavar="DIR",
                        help="build directory of the programs (default build/dev)")
    return result


def machine():
    """The machine, in a line."""
    with open("/proc/cpuinfo", encoding="ascii") as cpuinfo:
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo
                      if line.startswith("model name")), "unknown CPU")
    return (f"{os.cpu_count()} CPUs of {model}, Linux {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f}")
