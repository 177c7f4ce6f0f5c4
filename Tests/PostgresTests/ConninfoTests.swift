import Postgres
import TestSupport
import Testing

@Suite("A connection string keeps its secrets, also when it is malformed")
struct ConninfoTests {
    @Test(
        "a malformed string is refused without a part of it, and is not worth another try",
        arguments: [
            "host=h password=sesame open", "host=h password='it's sesame' user=u", "password='sesame",
            "host=h passwrd=sesame", "postgresql://u:pa%zzsesame@h/d", "postgresql://u:%00sesame@h/d",
            "postgresql://u:pa/sesame@h/d", "postgresql://u@x:sesame@h/d",
            "postgresql://u:pa@sesame@h/d", "postgresql://u:pa@sesame@h:1,i:2/d", "host=a,sesame@b",
            "postgresql://u:/sesame@h/d", "postgresql://u:1/sesame@h/d", "postgres://u:1/pa/sesame@h/d?sslmode=require",
            "postgresql://u:pa@se/sesame@h/d", "postgresql://u/sesame@h",
            "postgresql://u@[sesame/d",
            "postgresql://u@h/d?password=sesame&oops", "postgresql://u@h/d?secret=sesame", "tcp://u:sesame@h/d",
            "sesame",
            "host=h port=sesame", "host=h port=70000 password=sesame", "host=h connect_timeout=sesame",
            "host=h sslmode=sesame", "host=h gssencmode=sesame", "host=h target_session_attrs=sesame",
            "host=h tcp_user_timeout=sesame", "host=a,b hostaddr=127.0.0.1 password=sesame",
            "host=a,b port=1,2,3 password=sesame",
            "host=h password=se\u{0}same", "service=sesame-that-nobody-has-defined",
        ])
    func malformed(_ text: String) async throws {
        let database = Database(text)
        let error = await failure { try await database.execute("SELECT 1") }
        #expect(
            error?.kind == .invalidConnectionString && error?.isRetryable == false
                && error?.isConnectionTrouble == false)
        let told = "\(error.map { "\($0)" } ?? "") \(String(reflecting: error)) \(Conninfo.masked(text))"
        #expect(!told.contains("sesame") && !told.contains("same"), "\(told)")
        await database.close()
    }

    @Test(
        "a string that libpq takes is taken",
        arguments: [
            "", "dbname=shop", "postgresql:///shop", "postgres://u:p%40ss@h:1,[::1]:2/d?sslmode=require",
            "host=/tmp port=",
            "host = h\tuser = 'it\\'s me'", "host=h connect_timeout=' 5 '",
            "postgresql://h/d?application_name=a%20b&options=-c%20jit%3Doff",
            "host=a,b,", "host=/tmp/u@h,@abstract", "hostaddr=127.0.0.1", "host=h connect_timeout=-1",
            "postgresql://h/d?ssl=true", "postgresql://u:pa%2Fss@h/d", "postgresql://h/d%40e", "dbname=d@e",
            "postgresql://h/d?user=me@realm", "postgresql://h?host=/tmp&user=me@realm",
        ])
    func taken(_ text: String) throws { _ = try Conninfo(text) }

    @Test("a description shows what a string says, and no password, whichever form it has")
    func masked() throws {
        #expect(
            Conninfo.masked("postgresql://me:s%65same@h:1/d?sslpassword=sesame&sslkey=/k&passfile=/p")
                == "user=me password=*** passfile=/p dbname=d host=h port=1 sslkey=/k sslpassword=***")
        #expect(
            Conninfo.masked("password = 'se\\'same' user='it\\'s me' host=h")
                == "user='it\\'s me' password=*** host=h")
        #expect(Conninfo.masked("postgresql://h/d?user=me&password=sesame") == "user=me password=*** dbname=d host=h")
        let conninfo = try Conninfo("host=h password=sesame")
        var dumped = ""
        dump(conninfo, to: &dumped)
        for told in ["\(conninfo)", String(reflecting: conninfo), dumped] {
            #expect(!told.contains("sesame"), "\(told)")
        }
    }

    @Test("a database, and what it was made with, can be printed and dumped without a password")
    func printed() {
        var options = DatabaseOptions()
        options.directConninfo = "postgresql://me:sesame@h/d"
        let database = Database("host=h password=sesame", options: options)
        var dumped = ""
        dump(options, to: &dumped)
        dump(database, to: &dumped)
        let told = "\(database) \(options) \(String(reflecting: database)) \(String(reflecting: options)) \(dumped)"
        #expect(told.contains("host=h") && !told.contains("sesame"), "\(told)")
    }
}
