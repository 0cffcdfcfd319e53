// SPDX-License-Identifier: Apache-2.0
import CArchive

/// Writes a ZIP archive, an entry at a time and deflated (libarchive). What is written is not kept in memory.
@safe package final class ZIPWriter {
    private let handle: OpaquePointer
    private let path: String
    private var isOpen = true

    /// Begins an archive in an open file, which is its caller's to close after; `path` is for errors.
    package init(descriptor: Int32, path: String) throws(ZIPError) {
        guard let handle = unsafe archive_write_new() else {
            throw ZIPError(path, found: "no memory", expected: "some")
        }
        unsafe self.handle = handle
        self.path = path
        try check(unsafe archive_write_set_format_zip(handle))
        try check(unsafe archive_write_zip_set_compression_deflate(handle))
        try check(unsafe archive_write_open_fd(handle, descriptor))
    }

    deinit {
        // Also closes it, where `close` was not called.
        unsafe archive_write_free(handle)
    }

    /// `name` is a path with slashes; `seconds` are since 1970.
    package func add(_ name: String, _ content: [UInt8], seconds: Int) throws(ZIPError) {
        guard let entry = unsafe archive_entry_new() else {
            throw ZIPError(path, found: "no memory", expected: "some")
        }
        defer { unsafe archive_entry_free(entry) }
        unsafe archive_entry_set_pathname(entry, name)
        unsafe archive_entry_set_size(entry, Int64(content.count))
        unsafe carchive_set_regular_file(entry)
        unsafe archive_entry_set_perm(entry, 0o640)
        unsafe archive_entry_set_mtime(entry, time_t(seconds), 0)
        try check(unsafe archive_write_header(handle, entry))
        let written = unsafe content.withUnsafeBytes { bytes in
            unsafe archive_write_data(handle, bytes.baseAddress, bytes.count)
        }
        guard written == content.count else { throw failure }
    }

    /// Writes the directory; without it the file is no archive.
    package func close() throws(ZIPError) {
        guard isOpen else { return }
        isOpen = false
        try check(unsafe archive_write_close(handle))
    }

    private func check(_ status: Int32) throws(ZIPError) {
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN else { throw failure }
    }

    private var failure: ZIPError {
        unsafe ZIPError(path, handle, expected: "an archive that can be written")
    }
}
