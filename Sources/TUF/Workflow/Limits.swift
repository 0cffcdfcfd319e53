// SPDX-License-Identifier: Apache-2.0

/// What a repository may make its client read.
package struct Limits: Equatable, Sendable {
    /// Bytes of a root file.
    package var root = 512 << 10
    /// Bytes of the timestamp.
    package var timestamp = 16 << 10
    /// Bytes of the snapshot.
    package var snapshot = 2 << 20
    /// Bytes of one targets file.
    package var targets = 5 << 20
    /// Root files taken in one update (TUF 5.3.3); more wait for the next.
    package var rootRotations = 256
    /// Delegated roles asked about one target (TUF 5.6.7.1).
    package var delegations = 32

    package init() {}
}
