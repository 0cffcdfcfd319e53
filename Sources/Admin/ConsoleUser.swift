// SPDX-License-Identifier: Apache-2.0

/// A person who logs in on the console: `GET /v1/users`.
package struct ConsoleUser: Codable, Equatable, Sendable {
    package let name: String
    package let role: Role
    /// After too many wrong passwords, for a while.
    package let isLocked: Bool

    package init(name: String, role: Role, isLocked: Bool) {
        self.name = name
        self.role = role
        self.isLocked = isLocked
    }
}

package struct ConsoleUserList: Codable, Equatable, Sendable {
    package let users: [ConsoleUser]

    package init(users: [ConsoleUser]) {
        self.users = users
    }
}

/// `POST /v1/users`.
package struct ConsoleUserRequest: Codable, Equatable, Sendable {
    /// Characters that a password has at least.
    package static let shortestPassword = 10

    package let name: String
    package let role: Role
    package let password: String

    package init(name: String, role: Role, password: String) {
        self.name = name
        self.role = role
        self.password = password
    }

    /// What is wrong with it; nil where it is acceptable.
    package var objection: String? {
        let isName =
            (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
        guard isName else { return "name: expected 1 to 32 of a-z 0-9 . - _" }
        guard (Self.shortestPassword...128).contains(password.count) else {
            return "password: expected \(Self.shortestPassword) to 128 characters"
        }
        return nil
    }
}

/// `POST /v1/sessions`: whether the password is the person's.
package struct LoginRequest: Codable, Equatable, Sendable {
    package let user: String
    package let password: String

    package init(user: String, password: String) {
        self.user = user
        self.password = password
    }
}

package struct Login: Codable, Equatable, Sendable {
    package let user: String
    package let role: Role

    package init(user: String, role: Role) {
        self.user = user
        self.role = role
    }
}
