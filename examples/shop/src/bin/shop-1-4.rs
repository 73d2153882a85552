//! The shop, version 1.4.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_4::VERSION)
}
