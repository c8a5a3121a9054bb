"""Start-up of `lacuna --version`: median of 21 whole processes. Goal: under 30 ms.

usage: start_up.py BUILD_FOLDER
"""
import statistics
import subprocess
import sys
import time


def main():
    times = []
    for _ in range(21):
        started = time.perf_counter()
        subprocess.run([sys.argv[1] + "/bin/lacuna", "--version"], stdout=subprocess.DEVNULL, check=True)
        times.append(1e3 * (time.perf_counter() - started))
    print(f"lacuna --version: median {statistics.median(times):.1f} ms, minimum {min(times):.1f} ms")


if __name__ == "__main__":
    main()
