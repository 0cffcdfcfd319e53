// SPDX-License-Identifier: Apache-2.0
package import Linux

/// What the console is played on.
package protocol ConsoleTerminal: Sendable {
    /// What has come, at least a byte; nil where nothing came in time, empty where the line is gone.
    func read(timeout: Duration) async throws(SystemCallError) -> [UInt8]?
    func write(_ bytes: [UInt8]) async throws(SystemCallError)
    /// Drops what was typed and not yet read.
    func discardInput()
}

extension Terminal: ConsoleTerminal {}
