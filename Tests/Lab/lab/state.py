# SPDX-License-Identifier: Apache-2.0
"""What the record keeps beside documents: messages seen, a log of requests, patients and authorizations (SQLite)."""
import datetime
import json
import pathlib
import sqlite3
import threading

SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (number INTEGER PRIMARY KEY, unique_id TEXT UNIQUE, entry_uuid TEXT, kind TEXT,
    patient_id TEXT, time TEXT, client TEXT, file TEXT, warnings TEXT, vihf TEXT);
CREATE TABLE IF NOT EXISTS entries (entry_uuid TEXT PRIMARY KEY, unique_id TEXT UNIQUE, submission INTEGER,
    patient_id TEXT, status TEXT, metadata TEXT, xml BLOB, file TEXT, hash TEXT,
    replaces TEXT, replaced_by TEXT);
CREATE INDEX IF NOT EXISTS entries_patient ON entries (patient_id);
CREATE TABLE IF NOT EXISTS messages (message_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY, time TEXT, action TEXT, outcome TEXT, detail TEXT,
    client TEXT, milliseconds REAL);
CREATE TABLE IF NOT EXISTS patients (patient_id TEXT PRIMARY KEY, state TEXT);
CREATE TABLE IF NOT EXISTS authorizations (patient_id TEXT, structure TEXT, value TEXT,
    PRIMARY KEY (patient_id, structure));
"""
PATIENT_DEFAULTS = {"exists": True, "status": "active", "authorization": "VALIDE", "treatingPhysician": False,
                    "family": "PAT-TROIS", "given": "DOMINIQUE", "birthDate": "19790328", "sex": "F"}


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class State:
    def __init__(self, directory, options):
        self.directory = pathlib.Path(directory)
        self.options = options
        (self.directory / "submissions").mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._sql = sqlite3.connect(self.directory / "state.sqlite", check_same_thread=False, isolation_level=None)
        self._sql.row_factory = sqlite3.Row
        self._sql.execute("PRAGMA journal_mode=WAL")
        self._sql.execute("PRAGMA synchronous=NORMAL")
        self._sql.executescript(SCHEMA)
        self._next = self._value("SELECT coalesce(max(number), 0) FROM submissions") + 1
        for left in (self.directory / "submissions").iterdir():
            self._next = max(self._next, int(left.name[:6]) + 1)

    def close(self):
        with self._lock:
            self._sql.close()

    def rows(self, statement, *values):
        with self._lock:
            return self._sql.execute(statement, values).fetchall()

    def _value(self, statement, *values):
        return self.rows(statement, *values)[0][0]

    def _execute(self, statement, *values):
        with self._lock:
            return self._sql.execute(statement, values).rowcount

    def is_new_message(self, message_id):
        """Whether this wsa:MessageID was never seen; it is remembered."""
        return self._execute("INSERT OR IGNORE INTO messages VALUES (?)", message_id) == 1

    def log(self, action, outcome, detail, client, seconds):
        self._execute("INSERT INTO requests (time, action, outcome, detail, client, milliseconds) VALUES (?,?,?,?,?,?)",
                      now(), action, outcome, detail, client, round(seconds * 1000, 3))

    # MARK: patients

    def patient(self, patient_id):
        """State of a patient (PATIENT_DEFAULTS); one who was never named exists unless there is a list."""
        found = self.rows("SELECT state FROM patients WHERE patient_id = ?", patient_id)
        if found:
            return json.loads(found[0][0])
        return {**PATIENT_DEFAULTS, "exists": self.options.patients is None}

    def set_patient(self, patient_id, **changes):
        unknown = changes.keys() - PATIENT_DEFAULTS.keys()
        if unknown:
            raise ValueError("patient: %s is not known" % ", ".join(sorted(unknown)))
        state = {**self.patient(patient_id), "exists": True, **changes}
        with self._lock:
            self._sql.execute("INSERT OR REPLACE INTO patients VALUES (?, ?)", (patient_id, json.dumps(state)))
            if "authorization" in changes:
                self._sql.execute("DELETE FROM authorizations WHERE patient_id = ?", (patient_id,))
        return state

    def patients(self):
        return {row[0]: json.loads(row[1]) for row in self.rows("SELECT patient_id, state FROM patients")}

    def authorization(self, patient_id, structure):
        found = self.rows("SELECT value FROM authorizations WHERE patient_id = ? AND structure = ?",
                          patient_id, structure)
        return found[0][0] if found else self.patient(patient_id)["authorization"]

    def may_read(self, vihf):
        """An emergency needs no authorization, but does not pass a patient's refusal."""
        found = self.authorization(vihf.patient_id, vihf.value("Identifiant_Structure"))
        return found == "VALIDE" or (vihf.is_emergency and found != "INTERDIT")

    def set_authorization(self, patient_id, structure, value):
        self._execute("INSERT OR REPLACE INTO authorizations VALUES (?, ?, ?)", patient_id, structure, value)
