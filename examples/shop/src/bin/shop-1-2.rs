//! The shop, version 1.2.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_2::VERSION)
}
