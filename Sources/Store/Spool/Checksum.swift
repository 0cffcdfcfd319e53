// SPDX-License-Identifier: Apache-2.0
import CXXHash

/// XXH3, 64 bit: over one run of bytes, or over many one after the other.
@safe
final class Checksum {
    private let state: OpaquePointer

    /// Nil when there is no memory.
    init?() {
        guard let state = unsafe cxxhash_create() else { return nil }
        unsafe self.state = unsafe state
        reset()
    }

    deinit {
        unsafe cxxhash_free(state)
    }

    func reset() {
        unsafe cxxhash_reset(state, 0)
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe cxxhash_update(state, bytes.baseAddress, bytes.count)
    }

    var value: UInt64 { unsafe cxxhash_digest(state) }

    /// The checksum of `bytes`; who does not know `seed` cannot make bytes that fit.
    static func of(_ bytes: RawSpan, seed: UInt64) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe cxxhash_once($0.baseAddress, $0.count, seed) }
    }
}
