import Launch

enum SandboxSettings {
    static let paymentPort = Setting<PortNumber>(
        "payment-port", default: 8091, "Port of the payment provider; 0 is any.")
    static let logisticsPort = Setting<PortNumber>(
        "logistics-port", default: 8092, "Port of the logistics provider; 0 is any.")
    static let data = Setting("data", default: ".shoeshop/providers", "Directory of the ledgers; made when missing.")
    static let fsync = Setting(
        "fsync", default: false,
        "Forces each group of ledger lines to the disk before the answers: survives a power cut, not only a kill.")

    static let table: [any SettingDeclaration] = [paymentPort, logisticsPort, data, fsync]
}
