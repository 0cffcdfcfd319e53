// SPDX-License-Identifier: Apache-2.0

/// The rollback floor as the TPM keeps it: software whose rollback index is lower finds neither data nor identity.
package struct RollbackFloor: Codable, Equatable, Sendable {
    package enum Keeper: String, Codable, Sendable {
        case tpm
        /// There is no TPM: a floor is a record on the disk, which protects from mistakes only.
        case nobody = "none"
    }

    package enum State: String, Codable, Sendable {
        case present
        /// It was never defined, or the TPM has been cleared since: nothing that was sealed opens.
        case absent
        /// The power was cut between definition and first write.
        case unwritten
        /// The NV index is there and not of our shape: other attributes, another size or hash algorithm.
        case foreignAttributes = "foreign-attributes"
        /// The NV index has our shape, and others than the vendor may write it.
        case foreignPolicy = "foreign-policy"
    }

    package let keeper: Keeper
    /// Absent where there is no TPM.
    package let state: State?
    /// Where it is present.
    package let value: UInt64?
    /// The digest, in hexadecimal, of the policy by which the index is written. Whoever has not named a vendor's key
    /// can compare it. Absent where the index is.
    package let writePolicy: String?

    package init(_ state: State, value: UInt64? = nil, writePolicy: String? = nil) {
        self.keeper = .tpm
        self.state = state
        self.value = value
        self.writePolicy = writePolicy
    }

    private init(keeper: Keeper) {
        self.keeper = keeper
        self.state = nil
        self.value = nil
        self.writePolicy = nil
    }

    package static let withoutTPM = RollbackFloor(keeper: .nobody)
}

/// What came of raising the floor.
package struct FloorRaise: Codable, Equatable, Sendable, CustomStringConvertible {
    package enum Outcome: String, Codable, Sendable {
        case raised
        /// The floor is what was asked for.
        case equal
        /// The floor is higher than what was asked for, and cannot be lowered.
        case higher
    }

    package let outcome: Outcome
    /// The floor afterwards.
    package let floor: UInt64
    package let requested: UInt64

    package init(outcome: Outcome, floor: UInt64, requested: UInt64) {
        self.outcome = outcome
        self.floor = floor
        self.requested = requested
    }

    package var description: String {
        switch outcome {
        case .raised: "the floor is now \(floor)"
        case .equal: "the floor is \(floor) already; nothing was written"
        case .higher:
            "the floor is \(floor), higher than \(requested), and is never lowered; nothing was written"
        }
    }
}
