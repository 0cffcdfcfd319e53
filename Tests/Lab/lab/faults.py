# SPDX-License-Identifier: Apache-2.0
"""Faults on demand: rules that say which requests go wrong, and how.

A rule is {"action", "kind", "nth", "times", "every", "contains"}:
    action    publish, retrieve, query, update, existence, authorization, or any (the default)
    kind      http-NNN                    that status, nothing is done
              soap-fault[:Receiver]       a SOAP fault, nothing is done
              registry-error:CODE         a RegistryErrorList with that code, nothing is done
              garbage                     200 with bytes that are no SOAP, nothing is done
              close-before                the connection is cut, nothing is done
              timeout[:SECONDS]           no answer, nothing is done; the connection is cut in the end
              close-after-commit          done, but the connection is cut before the answer
              timeout-after-commit[:S]    done, but there is no answer
              truncate                    done, but half of the answer is missing
              slow:SECONDS                done and answered, late
    nth       the first request of those that match which goes wrong, counted from 1 (1)
    times     how many go wrong from there on; 0 without end (1)
    every     of these, each n-th only (1)
    contains  text that must be in the request
"""
import re
import threading

ACTIONS = ("any", "publish", "retrieve", "query", "update", "existence", "authorization")
KINDS = re.compile(r"http-[2-5]\d\d|soap-fault(:(Sender|Receiver))?|registry-error:\w+|garbage|close-before"
                   r"|timeout(:[\d.]+)?|close-after-commit|timeout-after-commit(:[\d.]+)?|truncate|slow:[\d.]+")
ENDLESS = 3600.0


class Fault:
    """A kind and its argument."""

    def __init__(self, text):
        self.text = text
        self.kind, _, self.argument = text.partition(":")

    @property
    def seconds(self):
        return float(self.argument or ENDLESS)


class Rule:
    def __init__(self, value):
        unknown = value.keys() - {"action", "kind", "nth", "times", "every", "contains"}
        if unknown:
            raise ValueError("fault rule: %s is not known" % ", ".join(sorted(unknown)))
        self.action, self.kind = value.get("action", "any"), value.get("kind", "")
        if self.action not in ACTIONS or not KINDS.fullmatch(self.kind):
            raise ValueError("fault rule: action %r, kind %r" % (self.action, self.kind))
        self.nth, self.times, self.every = (int(value.get(k, d)) for k, d in (("nth", 1), ("times", 1), ("every", 1)))
        if self.nth < 1 or self.times < 0 or self.every < 1:
            raise ValueError("fault rule: nth and every begin at 1, times at 0")
        self.contains = value.get("contains", "").encode()
        self.seen = self.fired = 0

    def fires(self, action, content):
        if self.action not in ("any", action) or self.contains not in content:
            return False
        self.seen += 1
        if self.seen < self.nth or (self.seen - self.nth) % self.every or self.times and self.fired >= self.times:
            return False
        self.fired += 1
        return True

    def as_json(self):
        return {"action": self.action, "kind": self.kind, "nth": self.nth, "times": self.times, "every": self.every,
                "contains": self.contains.decode(), "seen": self.seen, "fired": self.fired}


class Faults:
    """The rules in force; the first that fires is taken, but all count."""

    def __init__(self, rules=()):
        self._lock = threading.Lock()
        self._rules = [Rule(r) for r in rules]

    def add(self, value):
        rules = [Rule(r) for r in (value if isinstance(value, list) else [value])]
        with self._lock:
            self._rules += rules

    def clear(self):
        with self._lock:
            self._rules = []

    def take(self, action, content):
        with self._lock:
            fired = [rule for rule in self._rules if rule.fires(action, content)]
        return Fault(fired[0].kind) if fired else None

    def as_json(self):
        with self._lock:
            return [rule.as_json() for rule in self._rules]
