// SPDX-License-Identifier: Apache-2.0
import CArchive

/// Reads the files of a ZIP archive, one at a time, in the order that they lie in (libarchive).
@safe package final class ZIPReader {
    package struct Limits: Sendable {
        /// Of one file, unpacked.
        package var bytes = 64 << 20
        package var files = 1_000_000

        package init() {}
    }

    package struct File: Equatable, Sendable {
        /// As the archive has it, with slashes; to be used for nothing but to compare.
        package let name: String
        package let content: [UInt8]
    }

    private let handle: OpaquePointer
    private let path: String
    private let limits: Limits
    private var count = 0

    package init(path: String, limits: Limits = Limits()) throws(ZIPError) {
        guard let handle = unsafe archive_read_new() else {
            throw ZIPError(path, found: "no memory", expected: "some")
        }
        unsafe self.handle = handle
        self.path = path
        self.limits = limits
        try check(unsafe archive_read_support_format_zip(handle))
        try check(unsafe archive_read_open_filename(handle, path, 1 << 16))
    }

    deinit {
        unsafe archive_read_free(handle)
    }

    /// The next file; nil at the end. Directories and links are passed over.
    package func next() throws(ZIPError) -> File? {
        while true {
            var entry: OpaquePointer?
            let status = unsafe archive_read_next_header(handle, &entry)
            if status == ARCHIVE_EOF { return nil }
            try check(status)
            guard let entry = unsafe entry else { return nil }
            count += 1
            guard count <= limits.files else {
                throw ZIPError(path, found: "more files", expected: "\(limits.files) at most")
            }
            guard unsafe carchive_is_regular_file(entry) != 0,
                let name = unsafe archive_entry_pathname(entry)
            else { continue }
            return File(name: unsafe String(cString: name), content: try content())
        }
    }

    /// By what comes out, not by what the header promises.
    private func content() throws(ZIPError) -> [UInt8] {
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { bytes in
                unsafe archive_read_data(handle, bytes.baseAddress, bytes.count)
            }
            if count == 0 { return content }
            guard count > 0 else { throw unsafe ZIPError(path, handle, expected: "a file that can be read") }
            guard content.count + count <= limits.bytes else {
                throw ZIPError(path, found: "a longer file", expected: "\(limits.bytes) bytes at most")
            }
            content += piece[..<count]
        }
    }

    private func check(_ status: Int32) throws(ZIPError) {
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN else {
            throw unsafe ZIPError(path, handle, expected: "a ZIP archive")
        }
    }
}

/// A ZIP archive that cannot be read or written.
package struct ZIPError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ path: String, found: String, expected: String) {
        description = "\(path): found \(found), expected \(expected)"
    }

    init(_ path: String, _ handle: OpaquePointer, expected: String) {
        let words = unsafe archive_error_string(handle).map { unsafe String(cString: $0) }
        self.init(path, found: words ?? "an error", expected: expected)
    }
}
