// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import Store

/// Whether a person of the console is who they say.
actor ConsoleUsers {
    /// So many wrong passwords, and none counts for a while.
    private static let tries = 5
    private static let delay: Int64 = 15 * 60 * 1000

    private nonisolated let table: UserTable
    private let journal: EventJournal
    private let now: @Sendable () -> Timestamp

    init(table: UserTable, journal: EventJournal, now: @escaping @Sendable () -> Timestamp = { .now }) {
        self.table = table
        self.journal = journal
        self.now = now
    }

    nonisolated func all() throws -> [ConsoleUser] {
        let time = WallClock.milliseconds()
        return try table.all().map {
            ConsoleUser(
                name: $0.name,
                role: Role(rawValue: $0.role) ?? .viewer,
                isLocked: $0.lockedUntil > time
            )
        }
    }

    nonisolated func remove(_ name: String) throws -> Bool {
        try table.remove(name)
    }

    func put(_ request: ConsoleUserRequest) throws {
        if let objection = request.objection {
            throw Problem(status: 422, code: "user.invalid", title: "not acceptable", detail: objection)
        }
        guard let hash = PasswordHash.make(request.password) else {
            throw Problem(status: 500, code: "user.hash", title: "the password could not be hashed")
        }
        try table.put(name: request.name, role: request.role.rawValue, hash: hash)
        journal.record(
            "session.user",
            .info,
            "a person of the console was added or changed",
            ["user": request.name, "role": request.role.rawValue]
        )
    }

    /// A person of an answer file, the password hashed.
    nonisolated func entry(_ user: AnswerFile.User) throws -> (name: String, role: String, hash: String) {
        switch user.secret {
        case .hash(let hash): return (user.name, user.role.rawValue, hash)
        case .password(let password):
            guard let hash = PasswordHash.make(password) else {
                throw Problem(status: 500, code: "user.hash", title: "the password could not be hashed")
            }
            return (user.name, user.role.rawValue, hash)
        }
    }

    /// All of them or none.
    nonisolated func put(_ people: [(name: String, role: String, hash: String)]) throws {
        try table.put(people)
    }

    /// One at a time: who tries many passwords waits for each.
    func login(_ request: LoginRequest) throws -> Login {
        let time = now().milliseconds
        let user = try table.user(request.user)
        if let user, user.lockedUntil > time {
            let minutes = (user.lockedUntil - time + 59_999) / 60_000
            throw Problem(
                status: 403,
                code: "auth.delayed",
                title: "too many wrong passwords",
                detail: "the next try counts in \(minutes) min"
            )
        }
        // A name that nobody has costs the same time.
        let hash = user?.hash ?? Self.nobody
        guard PasswordHash.matches(request.password, hash), let user else {
            if let user {
                let failures = user.failures + 1
                let isLocked = failures >= Self.tries
                try table.note(
                    user.name,
                    failures: isLocked ? 0 : failures,
                    lockedUntil: isLocked ? time + Self.delay : 0
                )
            }
            journal.record("session.refused", .warning, "a wrong name or password on the console")
            throw Problem(
                status: 403,
                code: "auth.denied",
                title: "not permitted",
                detail: "the name or the password is wrong"
            )
        }
        if user.failures > 0 || user.lockedUntil > 0 {
            try table.note(user.name, failures: 0, lockedUntil: 0)
        }
        journal.record("session.opened", .info, "a person has logged in on the console", ["user": user.name])
        return Login(user: user.name, role: Role(rawValue: user.role) ?? .viewer)
    }

    private static let nobody = PasswordHash.make("nobody has this password") ?? ""
}
