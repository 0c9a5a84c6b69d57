# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Long connections that transfer both ways on two subflows, and check every byte, while things
happen to the farm."""

import json
import signal
import time

START_INTERVAL_MS = 10
LONGEST_SECONDS = 600


class Load:
    """The long connections of a farm's client."""

    def __init__(self, farm, connections, size, pause_ms, window):
        self._window = window
        self._client = farm.start_client({
            "connections": connections, "parallel": connections, "interval": START_INTERVAL_MS,
            "hold": pause_ms, "bytes": size, "timeout": LONGEST_SECONDS}, "--repeat")
        time.sleep((connections * START_INTERVAL_MS + 2 * pause_ms) / 1000)

    def survey(self):
        """How the connections are, and what has moved since the last survey."""
        return json.loads(self._client.ask(signal.SIGUSR1))

    def look(self, alive, moving, windows=20):
        """Surveys, a window each, until one finds that so many connections are alive and so many
        subflows move: the last one, and the seconds until then. A connection may stand still for
        most of a minute when it has lost a subflow without being told."""
        for number in range(windows):
            time.sleep(self._window)
            survey = self.survey()
            if survey["alive"] >= alive and survey["moving"] >= moving:
                break
        return {**survey, "waited": (number + 1) * self._window}

    def end(self):
        """Have them all come to their end; what the client reports."""
        self._client.signal(signal.SIGTERM)
        return json.loads(self._client.finish(LONGEST_SECONDS))
