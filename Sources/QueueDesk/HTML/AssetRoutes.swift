import HTTPTypes
import Hummingbird

/// The style, the script and the icon of the pages.
struct AssetRoutes {
    func add(to router: some RouterMethods) {
        router.get("desk.css") { _, _ in Self.answer("text/css; charset=utf-8", PackageResources.desk_css) }
        router.get("desk.svg") { _, _ in Self.answer("image/svg+xml", PackageResources.desk_svg) }
        router.get("desk.js") { _, _ in Self.answer("text/javascript; charset=utf-8", PackageResources.desk_js) }
    }

    private static func answer(_ type: String, _ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
