//! Schemas that people have, out of the packages of what they run. `./x tools` fetches them.

use crate::common::{Database, NEWEST, connector, options, options_for, read_all, try_capture};
use crate::pouring::{Absent, assert_restored, pour, rows, whole};
use datakeep_connector::Connector;
use datakeep_testkit_postgres::{Cluster, schema_file};

fn zabbix() -> Database {
    let [schema, data] =
        ["schema", "data"].map(|name| schema_file("zabbix", name).unwrap_or_else(|error| panic!("{error}")));
    let database = Database::new(&schema);
    database.run(&data);
    database
}

#[test]
fn zabbix_comes_back_whole_and_in_part() {
    let database = zabbix();
    let captured = database.capture();
    assert!(captured.names().len() > 150, "{}", captured.names().len());
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored and proven");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert_restored(&database, &captured, &absent.found());
    // Into the newest version, too.
    let newer = Absent::new(Cluster::shared(NEWEST));
    let told = pour(&captured, &whole(&captured), &newer.location()).expect("restored and proven");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let again = try_capture(&newer.location()).expect("captured");
    for table in &captured.catalog.tables {
        assert_eq!(rows(&again, &table.name), rows(&captured, &table.name), "{}", table.name);
    }
    // Some of its tables, which refer to others.
    let mut some = options_for(&database.location());
    some.extend(options(&[("include-table", "item*")]));
    let mut source = connector().open_tables(&database.location(), &some).expect("opened");
    source.begin().expect("begun");
    let part = read_all(source.as_mut()).expect("captured");
    assert!(
        part.names().len() > 5 && part.names().iter().all(|name| name.starts_with("public.item")),
        "{:?}",
        part.names()
    );
    assert!(
        part.catalog.not_carried.iter().all(|told| told.starts_with("fk constraint public.item")),
        "{:?}",
        part.catalog.not_carried
    );
    let absent = Absent::new(database.cluster);
    let told = pour(&part, &whole(&part), &absent.location()).expect("restored and proven");
    assert_eq!(told.losses, [""; 0], "{told:?}");
}
