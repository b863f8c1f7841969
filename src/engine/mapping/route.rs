//! Which routers the system's default routes lead to.

use std::net::Ipv4Addr;

/// Where the kernel tells the routes of IPv4.
const TABLE: &str = "/proc/net/route";
/// A route that is up, and one that leads over a gateway.
const UP: u32 = 1;
const GATEWAY: u32 = 2;

/// The gateways of all default routes, the preferred first. None where the system does not tell.
pub(super) fn gateways() -> Vec<Ipv4Addr> {
    std::fs::read_to_string(TABLE).map(|table| in_table(&table)).unwrap_or_default()
}

fn in_table(table: &str) -> Vec<Ipv4Addr> {
    let mut gateways: Vec<(u32, Ipv4Addr)> = table.lines().skip(1).filter_map(default_route).collect();
    gateways.sort_by_key(|(metric, _)| *metric);
    let mut found = Vec::new();
    for (_, gateway) in gateways {
        if !found.contains(&gateway) {
            found.push(gateway);
        }
    }
    found
}

/// The metric and the gateway, if a line tells a default route: interface, destination, gateway, flags, references, use,
/// metric, mask.
fn default_route(line: &str) -> Option<(u32, Ipv4Addr)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    // Addresses are numbers of the machine's own byte order.
    let mut address = || Some(u32::from_str_radix(fields.next()?, 16).ok()?.to_ne_bytes());
    let (destination, gateway) = (address()?, address()?);
    let flags = u32::from_str_radix(fields.next()?, 16).ok()?;
    let metric = fields.nth(2)?.parse().ok()?;
    let mask = u32::from_str_radix(fields.next()?, 16).ok()?;
    let is_default = destination == [0; 4] && mask == 0 && flags & (UP | GATEWAY) == UP | GATEWAY;
    is_default.then_some((metric, Ipv4Addr::from(gateway)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn hex(address: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(address))
    }

    #[test]
    fn the_gateway_of_each_default_route_is_found_the_preferred_first() {
        let line = |to, over, flags, metric, mask| {
            format!("eth0\t{}\t{}\t{flags}\t0\t0\t{metric}\t{}\t0\t0\t0   \n", hex(to), hex(over), hex(mask))
        };
        let (any, home, office) = ([0; 4], [192, 168, 1, 1], [10, 0, 0, 1]);
        let table = [
            HEAD.to_owned(),
            line(any, home, "0003", 600, any),
            line(any, office, "0003", 100, any),
            line(any, home, "0003", 700, any),
            line([192, 168, 1, 0], any, "0001", 600, [255, 255, 255, 0]),
            // Down; without a gateway, as over a tunnel; a net of its own; refused.
            line(any, [10, 9, 9, 1], "0002", 0, any),
            line(any, any, "0001", 0, any),
            line([10, 8, 0, 0], [10, 8, 0, 1], "0003", 0, [255, 255, 0, 0]),
            line(any, any, "0201", 0, any),
        ];
        assert_eq!(in_table(&table.concat()), [Ipv4Addr::from(office), Ipv4Addr::from(home)]);
    }

    #[test]
    fn what_is_no_table_has_no_gateway() {
        for table in ["", HEAD, "Iface\neth0\n", "Iface\neth0 zz zz zz\n", "Iface\neth0 0 0 3 0 0 x 0\n"] {
            assert!(in_table(table).is_empty(), "{table:?}");
        }
    }
}
