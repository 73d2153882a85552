//! The shop, version 1.3.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_3::VERSION)
}
