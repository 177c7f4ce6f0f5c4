import Foundation
import MessageQueue
import Subprocess
import TestSupport
import Testing

extension GatewayTests {
    @Test(
        "by TLS clients work as without it, addresses in answers say so, and nothing older than 1.2 is spoken",
        arguments: ["encrypted", "versions"])
    func tls(_ function: String) async throws {
        try await TestCertificate.with { made in
            try await GatewayProcess.with(["TLS_CERTIFICATE": made.certificate, "TLS_KEY": made.key]) { gateway in
                try await gateway.run(
                    function, of: "tls", with: "aliyun-mns-sdk", ["SSL_CERT_FILE": made.certificate])
            }
        }
    }

    @Test("a gateway that is given a certificate without a key, or files that are none, does not start, and says why")
    func wrongFiles() async throws {
        try await TestCertificate.with { made in
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
