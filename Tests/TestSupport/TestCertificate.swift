import Foundation
import Subprocess

/// A certificate for 127.0.0.1 that nobody but itself vouches for, and its key, as files in PEM.
public struct TestCertificate: Sendable {
    public let certificate, key: String

    /// Makes one, and removes it when `body` is over.
    public static func with(_ body: (TestCertificate) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = TestCertificate(
            certificate: folder.appending(path: "certificate.pem").path, key: folder.appending(path: "key.pem").path)
        let result = try await Subprocess.run(
            .name("openssl"),
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                "keyUsage=critical,digitalSignature,keyCertSign", "-keyout", made.key, "-out", made.certificate,
            ], output: .discarded, error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else { throw NotMade(complaint: result.standardError) }
        try await body(made)
    }

    struct NotMade: Error {
        let complaint: String
    }
}
