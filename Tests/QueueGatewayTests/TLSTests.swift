import Foundation
import MessageQueue
import Subprocess
import TestSupport
import Testing

extension GatewayTests {
    /// A certificate for 127.0.0.1 that nobody but itself vouches for, and its key.
    private struct Certificate {
        let certificate, key: String

        static func with(_ body: (Certificate) async throws -> Void) async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "gateway-tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let made = Certificate(
                certificate: folder.appending(path: "certificate.pem").path,
                key: folder.appending(path: "key.pem").path)
            let result = try await Subprocess.run(
                .name("openssl"),
                arguments: [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                    "keyUsage=critical,digitalSignature,keyCertSign", "-keyout", made.key, "-out", made.certificate,
                ], output: .discarded, error: .string(limit: 1 << 20))
            try #require(result.terminationStatus.isSuccess, "\(result.standardError)")
            try await body(made)
        }
    }

    @Test(
        "by TLS clients work as without it, addresses in answers say so, and nothing older than 1.2 is spoken",
        arguments: ["encrypted", "versions"])
    func tls(_ function: String) async throws {
        try await Certificate.with { made in
            try await GatewayProcess.with(["TLS_CERTIFICATE": made.certificate, "TLS_KEY": made.key]) { gateway in
                try await gateway.run(
                    function, of: "tls", with: "aliyun-mns-sdk", ["SSL_CERT_FILE": made.certificate])
            }
        }
    }

    @Test("a gateway that is given a certificate without a key, or files that are none, does not start, and says why")
    func wrongFiles() async throws {
        try await Certificate.with { made in
            let (certificate, key) = (made.certificate, made.key)
            for (files, complaint) in [
                ((certificate, ""), "TLS_KEY needs a value"), (("", key), "TLS_CERTIFICATE needs a value"),
                ((key, key), "TLS_CERTIFICATE is '\(key)'"),
                ((certificate, certificate), "TLS_KEY is '\(certificate)'"),
                (("/nowhere", key), "TLS_CERTIFICATE is '/nowhere'"),
            ] {
                let settings = [
                    "DATABASE_URL": "host=/nowhere", "GATEWAY_SECRET_KEY": GatewayProcess.secretKey, "PORT": "0",
                    "TLS_CERTIFICATE": files.0, "TLS_KEY": files.1,
                ]
                let end = try await TestProcess.end(of: "message-gateway", [], environment: settings)
                #expect(end.status == 64 && end.complaint.contains(complaint), "\(end)")
            }
        }
    }
}
