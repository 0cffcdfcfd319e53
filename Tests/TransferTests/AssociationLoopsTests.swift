// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Testing

@testable import Transfer

@Suite("Loops for associations") struct AssociationLoopsTests {
    @Test("every association has a loop of its own while there are loops, and a freed loop is used again")
    func leastLoaded() async throws {
        let loops = AssociationLoops(count: 3)
        let first = (0..<3).map { _ in loops.take() }
        #expect(Set(first.map { ObjectIdentifier($0) }).count == 3)
        loops.release(first[1])
        #expect(loops.take() === first[1])
        try await loops.shutdownGracefully()
    }
}
