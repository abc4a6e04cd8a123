//! Databases as programs make them that are used: all of it comes back.

use crate::common::Database;
use crate::pouring::{Absent, Told, assert_restored, pour, whole};
use datakeep_testkit_postgres::schema_file;

/// Captures a database, restores it into one that is made, and compares rows and schema.
fn goes_round(database: &Database) -> (Told, Database, usize) {
    let captured = database.capture();
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored");
    let restored = absent.found();
    assert_restored(database, &captured, &restored);
    (told, restored, captured.catalog.tables.len())
}

#[test]
fn zabbix_comes_back() {
    let database = Database::new("");
    // Pictures first: what is drawn refers to them.
    for file in ["schema.sql", "images.sql", "data.sql"] {
        let path = schema_file("zabbix", file).unwrap_or_else(|error| panic!("{error}"));
        let sql = std::fs::read_to_string(&path).expect("readable");
        if let Err(error) = database.cluster.try_run(&database.name, &sql) {
            panic!("{file}: {error}");
        }
    }
    let (told, restored, tables) = goes_round(&database);
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert!(tables > 150, "{tables} tables");
    for sql in [
        "SELECT count(*), sum(length(image)) FROM images",
        "SELECT count(*), md5(string_agg(key_, ',' ORDER BY itemid)) FROM items",
        "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT count(*), md5(string_agg(pg_get_constraintdef(oid), ',' ORDER BY conrelid::regclass::text, conname)) \
         FROM pg_constraint",
    ] {
        assert_eq!(database.ask(sql), restored.ask(sql), "{sql}");
    }
}

/// Types of an extension have no binary form that is known here: they take the lane of exact texts. The extension's own table
/// of coordinate systems belongs to it, but for what users add.
#[test]
fn postgis_comes_back() {
    let database = Database::new(
        "CREATE EXTENSION postgis;
         CREATE TABLE places(id int PRIMARY KEY, name text NOT NULL, at geometry(Point, 4326) NOT NULL, area geography);
         INSERT INTO places VALUES
           (1, 'pole', ST_SetSRID(ST_MakePoint(0, 90), 4326), NULL),
           (2, 'empty', ST_GeomFromText('POINT EMPTY', 4326), 'POLYGON((0 0, 0 1, 1 1, 0 0))'),
           (3, 'far', ST_SetSRID(ST_MakePoint(179.99999999999997, -0.1), 4326), 'LINESTRING(0 0, 1e-300 1)');
         CREATE TABLE shapes(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shape geometry, box box2d, box3 box3d);
         INSERT INTO shapes(shape, box, box3)
           SELECT ST_Buffer(ST_MakePoint(n, n * 0.1), n), Box2D(ST_MakePoint(n, n)), Box3D(ST_MakePoint(n, n, n))
           FROM generate_series(1, 200) n;
         INSERT INTO shapes(shape) VALUES ('GEOMETRYCOLLECTION Z (POINT Z (1 2 3), POLYGON Z EMPTY)'), (NULL),
           ('CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0))'), ('TIN(((0 0, 1 0, 0 1, 0 0)))');
         CREATE INDEX ON places USING gist(at);
         CREATE INDEX ON shapes USING spgist(shape);
         CREATE VIEW near AS SELECT a.id, b.id AS other, ST_Distance(a.at, b.at) AS far FROM places a, places b;
         CREATE TABLE bounded(area geometry(Polygon, 3857) CHECK (ST_IsValid(area)));
         INSERT INTO bounded VALUES (ST_SetSRID('POLYGON((0 0, 0 1, 1 1, 0 0))'::geometry, 3857));
         INSERT INTO spatial_ref_sys(srid, auth_name, auth_srid, srtext, proj4text)
           VALUES (990001, 'ours', 990001, 'LOCAL_CS[\"ours\"]', '+proj=longlat +datum=WGS84 +no_defs');",
    );
    let (told, restored, _) = goes_round(&database);
    assert_eq!(told.losses, [""; 0], "{told:?}");
    for sql in [
        "SELECT id, ST_AsEWKB(at), ST_AsBinary(area) FROM places ORDER BY id",
        "SELECT id, md5(ST_AsEWKB(shape)::text), box, box3 FROM shapes ORDER BY id",
        "SELECT id, other, far FROM near ORDER BY 1, 2",
        "SELECT count(*), md5(string_agg(srtext, ',' ORDER BY srid)) FROM spatial_ref_sys",
        "SELECT srid, proj4text FROM spatial_ref_sys WHERE srid = 990001",
        "SELECT extversion FROM pg_extension WHERE extname = 'postgis'",
    ] {
        assert_eq!(database.ask(sql), restored.ask(sql), "{sql}");
    }
}
