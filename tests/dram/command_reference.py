"""A naive reference of the command state machine: intervals and a queue of deferred commands, as DRAMPower has them.

It shares no code with the kernel and takes any legal trace of one rank of DDR4, DDR5 or LPDDR4.
"""

import bisect

import numpy as np


class Interval:
    """Adds up the times between `start` and `close`."""

    def __init__(self):
        self.sum, self.begin, self.running = 0, 0, False

    def start(self, clock):
        self.begin, self.running = clock, True

    def close(self, clock):
        if self.running:
            self.sum += clock - self.begin
            self.running = False

    def at(self, clock):
        return self.sum + (clock - self.begin if self.running and clock > self.begin else 0)


class ReferenceRank:
    """One rank; what happens later than its command waits in `queue`."""

    def __init__(self, banks, clocks):
        self.banks, self.ck = banks, clocks
        self.open = [False] * banks
        self.act = [Interval() for _ in range(banks)]
        self.n_act, self.n_pre = [0] * banks, [0] * banks
        self.last_pre, self.refresh_end = [0] * banks, [0] * banks
        self.any, self.sref, self.pda, self.pdp = (Interval() for _ in range(4))
        self.queue, self.order = [], 0

    def defer(self, clock, action):
        self.order += 1
        bisect.insort(self.queue, (clock, self.order, action))

    def drain(self, clock):
        while self.queue and self.queue[0][0] <= clock:
            self.queue.pop(0)[2]()

    def rest(self, clock):
        if not any(self.open):
            self.any.close(clock)

    def precharge(self, bank, clock):
        if self.open[bank]:
            self.n_pre[bank] += 1
            self.open[bank], self.last_pre[bank] = False, clock
            self.act[bank].close(clock)
            self.rest(clock)

    def refresh(self, clock):
        end = clock + self.ck["nRFC"]

        def over():
            for bank in range(self.banks):
                self.open[bank] = False
                self.act[bank].close(end)
            self.rest(end)

        self.any.start(clock)
        for bank in range(self.banks):
            self.open[bank], self.refresh_end[bank] = True, end
            self.act[bank].start(clock)
        self.defer(end, over)
        return end

    def earliest(self):
        """First clock at which power-down may be entered."""
        times = [0]
        for bank in range(self.banks):
            times.append(self.refresh_end[bank])
            if self.n_act[bank]:
                times.append(self.act[bank].begin + self.ck["nRCD"])
            if self.n_pre[bank]:
                times.append(self.last_pre[bank] + self.ck["nRP"])
        return max(times)

    def enter(self, interval, clock):
        interval.start(clock)
        for one in (self.any, *self.act):
            one.close(clock)

    def leave(self, interval, clock):
        interval.close(clock)
        for bank in range(self.banks):
            if self.open[bank]:
                self.act[bank].start(clock)
                self.any.start(clock)

    def do(self, clock, name, bank):
        self.drain(clock)
        if name == "ACT":
            self.n_act[bank] += 1
            if not any(self.open):
                self.any.start(clock)
            self.open[bank] = True
            self.act[bank].start(clock)
        elif name in ("PRE", "PREA"):
            for one in [bank] if name == "PRE" else range(self.banks):
                self.precharge(one, clock)
        elif name in ("RDA", "WRA"):
            end = max(self.act[bank].begin + self.ck["nRAS"], clock + self.ck["n" + name])
            self.defer(end, lambda: self.precharge(bank, end))
        elif name == "REFA":
            self.refresh(clock)
        elif name == "SREFEN":
            begin = self.refresh(clock)
            self.defer(begin, lambda: self.sref.start(begin))
        elif name == "SREFEX":
            self.sref.close(clock)
        elif name[:2] == "PD":
            when = max(clock, self.earliest())
            interval = self.pda if name.endswith("A") else self.pdp
            move = self.enter if name[2] == "E" else self.leave
            self.defer(when, lambda: move(interval, when))


def legal_trace(banks, clocks, seed, length=150):
    """Random (clock, command, bank) rows, legal in state; power-down may come while a refresh still runs."""
    rng = np.random.default_rng(seed)
    rows, clock, refreshed = [], 0, 0
    state, begin = ["closed"] * banks, [0] * banks

    def add(name, bank, pause=0):
        nonlocal clock
        rows.append((clock, name, bank))
        clock += pause

    for _ in range(length):
        clock += int(rng.integers(1, 60))
        bank, chance = int(rng.integers(banks)), rng.random()
        for k in range(banks):
            if state[k] == "closing" and begin[k] < clock:
                state[k] = "closed"
        opened, closing = "open" in state, "closing" in state
        if clock < refreshed:
            if chance < 0.3:
                add("PDEP", bank, int(rng.integers(1, 900)))
                add("PDXP", bank, 1)
        elif state[bank] == "closed" and chance < 0.6:
            add("ACT", bank)
            state[bank], begin[bank] = "open", clock
        elif state[bank] == "open" and chance < 0.8:
            name = str(rng.choice(["RD", "WR", "RDA", "WRA", "PRE"] + ["PREA"] * (not closing)))
            add(name, bank)
            if name in ("RDA", "WRA"):
                state[bank] = "closing"
                begin[bank] = max(begin[bank] + clocks["nRAS"], clock + clocks["n" + name])
            elif name == "PRE":
                state[bank] = "closed"
            elif name == "PREA":
                state = ["closed"] * banks
        elif opened and not closing and chance < 0.9:
            add("PDEA", bank, int(rng.integers(1, 300)))
            add("PDXA", bank, 200)
        elif not opened and not closing:
            name = str(rng.choice(["REFA", "SREFEN", "PDEP"]))
            if name == "REFA":
                refreshed = clock + clocks["nRFC"]
                add(name, bank)
            elif name == "PDEP":
                add(name, bank, int(rng.integers(1, 900)))
                add("PDXP", bank, 30)
            else:
                add(name, bank, clocks["nRFC"] + int(rng.integers(0, 500)))
                add("SREFEX", bank, 1)
    clock += int(rng.integers(0, 800))
    return [*rows, (clock, "END", 0)]
