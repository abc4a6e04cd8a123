//! Every decoder of the product, and the target that tries it.

/// A target and what it tries.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The package whose unit tests hold it, without `datakeep-`.
    pub package: &'static str,
    /// Its name, and that of its folder of committed inputs.
    pub target: &'static str,
    /// The functions it enters, as `file below src::function`.
    pub functions: &'static [&'static str],
}

const fn row(package: &'static str, target: &'static str, functions: &'static [&'static str]) -> Row {
    Row { package, target, functions }
}

/// All of them. A decoder that is missing here fails a test, and so does a row that no crate tries.
pub const TABLE: &[Row] = &[
    row("model", "id", &["id.rs::from_hex"]),
    row("model", "path-from-key", &["path.rs::from_key"]),
    row("model", "path", &["path.rs::parse"]),
    row("process", "recovery-code", &["recovery.rs::parse"]),
    row("process", "frame", &["compress.rs::decompress", "compress.rs::decompress_zstd"]),
    row("process-table", "column-form", &["chunk/form.rs::decode"]),
    row(
        "process-table",
        "column-chunk",
        &["chunk/decode.rs::decode", "chunk/decode.rs::decode_pages", "chunk/rows.rs::decode_rows"],
    ),
    row("process-table", "exceptions", &["rowcodec.rs::decode_exceptions"]),
    row("process-table", "aside", &["aside.rs::parse"]),
    row("process-table", "patch", &["patch/codec.rs::decode"]),
    row("process-table", "statistics", &["stats.rs::decode"]),
    row("process-table", "distinct", &["stats/distinct.rs::decode"]),
    row("process-table", "type", &["types.rs::read_type"]),
    row("process-table", "database", &["describe/catalog.rs::decode"]),
    row("process-table", "table", &["describe/table.rs::decode"]),
    row("process-table", "group", &["describe/group.rs::decode"]),
    row("process-table", "statistics-of-columns", &["describe/statistics.rs::decode_statistics"]),
    row("process-table", "key", &["describe/key.rs::parse_key"]),
    row("store", "config", &["format/config.rs::decode", "format/config.rs::decode_body"]),
    row("store", "slot", &["format/slot.rs::decode", "format/slot.rs::decode_fields"]),
    row("store", "sealed", &["format/sealed.rs::open", "format/sealed.rs::inspect", "format/sealed.rs::read_header"]),
    row("store", "intent", &["format/decision.rs::decode_intent"]),
    row(
        "store",
        "decision",
        &[
            "format/decision.rs::decode",
            "format/decision.rs::decode_manifest",
            "format/decision.rs::decode_root",
            "format/decision.rs::decode_mark",
            "format/decision.rs::decode_path",
            "format/decision.rs::decode_loss",
            "format/decision.rs::decode_names",
            "format/decision.rs::decode_counters",
            "format/decision.rs::decode_origin",
            "format/decision.rs::decode_content",
        ],
    ),
    row("store", "tags", &["format/decision.rs::decode_tags", "format/decision.rs::decode_texts"]),
    row("store", "index-run", &["format/index.rs::decode_run", "format/index.rs::decode_record"]),
    row("store", "index-segment", &["index/segment.rs::open", "index/segment.rs::candidates"]),
    row("store", "reach", &["format/reach.rs::decode"]),
    row("store", "mended", &["format/reach.rs::decode_mended"]),
    row(
        "store",
        "node-leaf",
        &[
            "format/node.rs::decode",
            "format/node.rs::decode_keys",
            "format/node.rs::decode_leaf",
            "format/node.rs::decode_xattrs",
        ],
    ),
    row("store", "node-inner", &["format/node.rs::decode_inner"]),
    row("store", "list-page", &["format/list.rs::decode_page", "format/node.rs::decode_parts"]),
    row("store", "attributes", &["format/list.rs::decode_attributes"]),
    row("store", "pack-header", &["format/pack.rs::decode_header", "format/pack.rs::foreign_version"]),
    row("store", "pack-trailer", &["format/pack.rs::decode_trailer"]),
    row(
        "store",
        "pack-directory",
        &["format/pack.rs::decode_directory", "format/pack.rs::decode_frame", "format/pack.rs::decode_chunks"],
    ),
    row("store", "progress", &["format/progress.rs::decode"]),
    row("store", "tombstone", &["format/collect.rs::decode_tombstone"]),
    row("store", "origin-mark", &["format/collect.rs::decode_origin_mark"]),
    row(
        "store",
        "condemned",
        &[
            "format/collect.rs::decode_condemned",
            "format/collect.rs::decode_doomed",
            "format/collect.rs::decode_pack",
            "format/collect.rs::decode_class",
        ],
    ),
    row(
        "store",
        "checkpoint",
        &["format/collect.rs::decode_checkpoint", "format/collect.rs::decode_prune", "format/collect.rs::decode_gone"],
    ),
    row("store", "forward-map", &["format/collect.rs::decode_forwards"]),
    row("store", "pack-name", &["format/names.rs::parse"]),
    row("store", "epoch-name", &["format/names.rs::parse_epoch"]),
    row("store", "session-name", &["format/names.rs::parse_epoch_session"]),
    row("store", "numbered-name", &["format/names.rs::parse_session_number"]),
    row("store", "record-name", &["format/names.rs::parse_numbered"]),
    row("source-files", "location", &["location.rs::parse", "connector.rs::parse_locations"]),
    row("source-files", "exclude-pattern", &["exclude.rs::read"]),
    row("source-files", "size", &["options.rs::bytes"]),
    row("distribute", "place", &["choose.rs::split_place", "choose.rs::parse_time_start"]),
    row(
        "distribute",
        "row-key",
        &[
            "tables/key.rs::parse_key",
            "tables/key.rs::parse_parts",
            "tables/key.rs::parse_part",
            "tables/key_value.rs::parse_typed",
        ],
    ),
    row("manage", "span", &["span.rs::parse"]),
    row("manage", "group-by", &["past.rs::parse"]),
    row("cli", "configuration", &["config_file.rs::parse"]),
    row("cli", "secret-reference", &["secrets.rs::parse", "secrets.rs::split_arguments"]),
    row("cli", "place", &["place.rs::split", "place.rs::parse_path", "place.rs::unescape"]),
    row("cli", "time", &["time.rs::parse", "time.rs::end_of", "time.rs::age_seconds"]),
    row("cli", "duration", &["commands/gc/mod.rs::patience_ms", "time.rs::parse_duration_ms"]),
    row("cli", "amount", &["sizes.rs::parse"]),
    row("cli", "location", &["stores/mod.rs::parse"]),
    row("cli", "slice", &["commands/check.rs::parse_slice"]),
    row("cli", "compression", &["commands/backup.rs::compression"]),
    row("cli", "retention-count", &["args_forget.rs::count"]),
    row("cli", "assertions", &["commands/drill/asserted.rs::parse_assertions"]),
    row("cli", "language", &["words/mod.rs::parse"]),
];
