//! Chinese help: texts of commands and arguments, keyed by verb and argument. A test compares it with the arguments.

/// The text for an argument (`id`) of a verb (`path`), or for the verb itself (empty `id`).
pub fn chinese(path: &str, id: &str) -> Option<&'static str> {
    all().find(|(p, i, _)| *p == path && *i == id).map(|(_, _, text)| text)
}

/// All texts: verb, argument, text.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TEXTS.iter().flat_map(|(path, texts)| texts.iter().map(move |(id, text)| (*path, *id, *text)))
}

type Texts = &'static [(&'static str, &'static str)];

const MEMORY: (&str, &str) = ("kdf_memory", "每次猜测密码所需的内存，单位 MiB");
const PASSES: (&str, &str) = ("kdf_passes", "对该内存的遍历次数");

const TEXTS: &[(&str, Texts)] = &[
    (
        "",
        &[
            ("", "去重、加密的数据备份：可验证、可浏览、可比较"),
            ("repo", "仓库：目录，或 s3://存储桶/前缀 [环境变量：DATAKEEP_REPO]"),
            ("store_option", "访问对象存储的方式：endpoint、region、path-style 等（手册列出全部）；可重复"),
            ("json", "在标准输出打印 JSON"),
            ("progress", "与 --json 一起使用：在最终文档之前逐行打印事件"),
            ("quiet", "不打印摘要和进度"),
            ("verbose", "逐个打印处理的条目"),
            ("lang", "消息语言：en 或 zh [环境变量：DATAKEEP_LANG]"),
            ("no_color", "不使用颜色 [环境变量：NO_COLOR]"),
            ("config", "配置文件 [环境变量：DATAKEEP_CONFIG]"),
            ("cache_dir", "本地缓存目录，可随时删除 [环境变量：DATAKEEP_CACHE_DIR]"),
            ("cache_size", "本地缓存的上限，单位 MiB；默认 2048，0 表示不使用缓存 [环境变量：DATAKEEP_CACHE_SIZE]"),
            ("password_file", "从文件读取密码 [环境变量：DATAKEEP_PASSWORD_FILE]"),
            (
                "password_command",
                "运行一个打印密码的程序；按空格切分，引号分组，不经过 shell [环境变量：DATAKEEP_PASSWORD_COMMAND]",
            ),
            ("recovery_code", "使用恢复码打开：提示输入，或取自 DATAKEEP_RECOVERY_CODE"),
            ("kdf_limit", "密钥槽可使用的内存，单位 MiB；默认 1024，且不超过空闲内存 [环境变量：DATAKEEP_KDF_LIMIT]"),
            (
                "memory",
                "backup、restore、check、copy 可占用的内存，以及 sql 中的行（256M、2G）；默认随线程数而定 [环境变量：DATAKEEP_MEMORY]",
            ),
            ("unencrypted", "即使配置了密码，也接受未加密的仓库 [环境变量：DATAKEEP_UNENCRYPTED]"),
            ("help", "打印帮助"),
            ("version", "打印版本"),
        ],
    ),
    (
        "init",
        &[
            ("", "新建仓库"),
            ("suite", "加密算法；--unencrypted 表示不加密：能读取仓库的人即可读取其全部内容"),
            MEMORY,
            PASSES,
            ("no_recovery_code", "不生成恢复码"),
        ],
    ),
    (
        "backup",
        &[
            ("", "为文件、数据库（sqlite:路径、postgres://…）、标准输入或命令的输出生成备份集"),
            (
                "paths",
                "目录和文件；sqlite:路径 或 postgres://用户@主机/数据库 表示数据库；`-` 表示标准输入；使用 --command 时为程序及其参数",
            ),
            ("source", "数据源名称；未给出时由路径得出"),
            ("tag", "备份集标签；可重复"),
            ("exclude", "排除匹配的条目，规则同 .gitignore；可重复"),
            ("exclude_file", "从文件读取排除规则；可重复"),
            ("exclude_caches", "排除带有 CACHEDIR.TAG 的缓存目录的内容"),
            ("exclude_if_present", "排除含有该名称条目的目录的内容；可重复"),
            ("exclude_larger_than", "排除大于该大小的文件，例如 500M 或 2G"),
            ("one_file_system", "不进入其他文件系统"),
            ("read_everything", "读取所有文件，包括看起来没有变化的"),
            ("ignore_ctime", "不比较状态变更时间"),
            ("ignore_inode", "不比较 inode 编号"),
            ("no_resume", "不接续上次中断的运行"),
            ("dry_run", "只说明将做什么，不写入任何内容"),
            ("compression", "压缩强度：fast、default、high 或 1 到 19"),
            ("host", "要记录的主机名"),
            (
                "database_option",
                "读取数据库的方式：SQLite：busy-timeout=30s、spool=目录（存放私有副本）、integrity-check=quick 或 full；PostgreSQL：include-table=模式、exclude-table、include-schema、exclude-schema、databases=all、lock-timeout=30s、max-replay-lag=30s、warn-xmin-age=数、password-file=文件、pg-dump=文件；可重复",
            ),
            ("workers", "读取和压缩的线程数"),
            ("no_xattrs", "不备份扩展属性和访问控制列表"),
            ("file_name", "标准输入或命令输出在备份集中的文件名"),
            ("command", "备份程序的输出：backup --command -- 程序 参数"),
        ],
    ),
    (
        "snapshots",
        &[
            ("", "列出备份集"),
            ("source", "只列出该数据源"),
            ("tag", "只列出带该标签的；可重复"),
            ("host", "只列出该主机的"),
            ("last", "只列出最近 N 个"),
            ("latest", "只列出每个数据源最新的一个"),
        ],
    ),
    (
        "show",
        &[
            ("", "显示一个备份集的全部信息"),
            ("snapshot", "备份集：编号、数据源、数据源@latest、数据源@时间，或 latest"),
        ],
    ),
    (
        "ls",
        &[
            ("", "列出备份集中的目录或表"),
            ("place", "备份集及其中的路径"),
            ("long", "显示类型、权限、属主、大小和时间"),
            ("recursive", "列出其下的所有条目"),
        ],
    ),
    (
        "find",
        &[
            ("", "按名称在备份集中查找条目"),
            ("pattern", "匹配模式，例如 *.pdf 或 src/**/*.rs"),
            ("place", "只在该路径下查找"),
            ("snapshot", "在该备份集中查找；默认在每个数据源最新的备份集中"),
            ("all", "在所有备份集中查找"),
            ("kind", "只查找该类型：f、d、l、p、s、c 或 b"),
        ],
    ),
    ("cat", &[("", "打印文件内容"), ("place", "备份集及其中的文件")]),
    (
        "diff",
        &[
            ("", "比较两个备份集"),
            ("old", "较旧的备份集；单独给出时与其前一个备份集比较"),
            ("new", "较新的备份集，以及要比较的路径"),
            ("metadata", "显示仅属性不同的条目（默认）"),
            ("no_metadata", "不显示仅属性不同的条目"),
            ("stat", "只打印摘要；对表：每张表有多少行不同"),
            ("sql", "对表：打印把旧状态变为新状态的语句"),
            ("undo", "对表：打印把新状态变回旧状态的语句"),
        ],
    ),
    (
        "rows",
        &[
            ("", "显示表的若干行、某个键的行，或该行的历史"),
            ("place", "备份集及其中的表"),
            ("key", "该键的行；多列的键可重复给出，或以逗号分隔"),
            ("history", "该行在此数据源所有备份集中的变化"),
            ("limit", "未给出 --key 时：前 N 行"),
        ],
    ),
    (
        "sql",
        &[
            ("", "无需恢复，直接用 SQL 查询备份集：表、文件（CSV、JSON、Parquet）和备份集信息"),
            ("query", "语句；未给出时取自 --file、标准输入，或逐条询问"),
            ("file", "从文件读取语句"),
            ("snapshot", "未指明时使用谁的表：备份集或数据源；默认为每个数据源的最新备份集"),
            ("as_of", "未指明时间时：使用不晚于该时间的最新备份集"),
            ("format", "结果的格式：table、csv、json（每行一个对象）、arrow（IPC 流）、parquet"),
            ("output", "将结果写入新文件，而不是标准输出"),
            ("max_rows", "最多给出的行数；默认：表格 1000 行，其他格式不限"),
            ("timeout", "一条语句允许的时长（30s、10m）"),
        ],
    ),
    (
        "restore",
        &[
            ("", "恢复文件或表"),
            ("place", "备份集及其中的路径"),
            ("to", "恢复到的目录；对表则为数据库：sqlite:路径 或 postgres://用户@主机/数据库"),
            ("merge", "对已存在的表：覆盖同键的行，添加其他行，不删除任何行"),
            ("into_table", "单张表在目标中的名称"),
            (
                "database_option",
                "写入并证明数据库的方式：SQLite：busy-timeout=30s、spool=目录（存放私有副本）；PostgreSQL：lock-timeout=30s、password-file=文件、pg-dump=文件；可重复",
            ),
            ("include", "只恢复匹配的条目；可重复"),
            ("exclude", "不恢复匹配的条目；可重复"),
            (
                "overwrite",
                "如何处理已有文件：never（保留）、changed（大小或修改时间不同则覆盖）、newer（覆盖较旧的）或 always（全部覆盖）",
            ),
            ("key", "与 --merge 一起使用：只恢复该键的行；多列的键可重复给出，或以逗号分隔"),
            ("delete", "在备份集包含的目录中，删除备份集没有的条目"),
            ("yes", "删除前不询问"),
            ("dry_run", "只显示将做什么，不写入任何内容"),
            ("owner", "恢复属主和属组（需要 root）"),
            ("setuid", "恢复 setuid、setgid、粘滞位和 capabilities"),
            ("devices", "恢复设备节点"),
            ("system", "恢复整个系统：--owner --setuid --devices"),
            ("no_xattrs", "不恢复扩展属性"),
            ("fsync", "每个文件落盘后再继续"),
            ("workers", "读取和写入的线程数"),
        ],
    ),
    ("stats", &[("", "显示存储量与存储效率"), ("which", "只统计该备份集或该数据源")]),
    (
        "check",
        &[
            ("", "验证仓库完好"),
            ("read_data", "读取并验证存储的每个字节，而不只是结构"),
            ("slice", "读取并验证 T 份中的第 N 份数据，例如 3/30：运行 T 次即可验证每个字节"),
        ],
    ),
    (
        "repair",
        &[
            ("", "保全损坏数据包中完好的部分，将其隔离，并重建损坏的索引"),
            ("dry_run", "显示损坏情况和将要进行的修复；不写入任何内容"),
            ("patience", "放弃静默超过该时长（90s、10m、1h、2d）的任务；若任务仍在运行，会以新名称发布，或需重新运行"),
            ("give_up", "确认该备份集已丢失：其决定及副本均无法读取；可重复"),
            ("no_wait", "不等待正在运行的任务；下次 repair 完成修复"),
            ("yes", "不询问"),
        ],
    ),
    ("scrub", &[("", "将存储的字节与其校验值比较；不需要密码")]),
    (
        "gc",
        &[
            ("", "释放没有备份集使用的空间"),
            ("dry_run", "显示将删除和移动哪些数据、其余为何保留；不写入任何内容"),
            ("max_unused", "数据包未使用部分超过该百分比时重写；100 表示从不重写"),
            ("patience", "放弃静默超过该时长（90s、10m、1h、2d）的任务；若任务仍在运行，会以新名称发布，或需重新运行"),
            ("ended", "声明某个任务（以编号开头部分指定）的进程已结束：无论存储承诺什么都放弃它；可重复"),
            ("no_wait", "不等待正在运行的任务；下次 gc 完成本轮"),
            ("yes", "删除超过一半的存储时不询问，但不超过 --max-delete"),
            ("max_delete", "删除超过存储的该百分比时，仅有 --yes 不够：须在终端输入该百分比；64 MiB 以内不受限制"),
        ],
    ),
    ("key", &[("", "管理密码和恢复码")]),
    ("key list", &[("", "列出密钥槽")]),
    ("key add", &[("", "添加密码"), ("label", "密钥槽的名称"), MEMORY, PASSES]),
    ("key change-password", &[("", "更换正在使用的密码"), MEMORY, PASSES]),
    ("key remove", &[("", "删除密钥槽"), ("slot", "密钥槽，见 `key list`")]),
    ("key test", &[("", "验证密码或恢复码能否打开仓库")]),
    ("key new-recovery-code", &[("", "生成新的恢复码；旧恢复码失效"), MEMORY, PASSES]),
    (
        "tag",
        &[
            ("", "修改备份集的标签"),
            ("snapshot", "备份集：编号、数据源、数据源@latest、数据源@时间，或 latest"),
            ("add", "添加标签；可重复"),
            ("remove", "删除标签；可重复"),
            ("set", "用这些标签替换全部标签；可重复"),
        ],
    ),
    (
        "forget",
        &[
            ("", "遗忘备份集：按名称，或按保留规则"),
            ("snapshots", "遗忘这些备份集：编号、数据源@latest 或 数据源@时间；否则用 --keep-... 给出规则"),
            ("keep_last", "保留最新的 N 个；此处及以下也可写 all"),
            ("keep_hourly", "在有备份集的最近 N 个小时中各保留一个"),
            ("keep_daily", "在有备份集的最近 N 天中各保留一个"),
            ("keep_weekly", "在有备份集的最近 N 周（周一至周日）中各保留一个"),
            ("keep_monthly", "在有备份集的最近 N 个月中各保留一个"),
            ("keep_yearly", "在有备份集的最近 N 年中各保留一个"),
            ("keep_within", "保留距最新备份集不超过该时长的全部备份集，例如 36h、30d、8w、6mo 或 1y6mo"),
            ("keep_tag", "保留带该标签的；可重复"),
            ("keep_at_least", "无论规则如何，每组至少保留这么多个"),
            ("source", "只处理该数据源；可重复"),
            ("host", "只处理该主机的；可重复"),
            ("tag", "只处理带该标签的；可重复"),
            ("group_by", "分组方式，规则对每组分别生效：source、host、tags 的组合，或 none"),
            ("time_zone", "划分小时、日、周、月、年所用的时区，例如 Asia/Shanghai；默认为本机时区"),
            ("dry_run", "只显示将遗忘哪些备份集，不写入任何内容"),
            ("calendar", "用日历显示保留和遗忘的日期"),
            ("reason", "要记录的原因"),
            ("yes", "遗忘较多备份集时不询问"),
        ],
    ),
    (
        "copy",
        &[
            ("", "将备份集复制到第二个仓库，后者有自己的密码和保留规则"),
            (
                "snapshots",
                "备份集：编号、数据源、数据源@latest、数据源@时间，或 latest；不指定则复制目标仓库从未有过的全部备份集",
            ),
            ("to", "复制到的仓库 [环境变量：DATAKEEP_TO_REPO]"),
            ("to_store_option", "与 --store-option 相同，用于复制目标所在的对象存储；未指明的与源仓库相同"),
            ("to_password_file", "从文件读取目标仓库的密码 [环境变量：DATAKEEP_TO_PASSWORD_FILE]"),
            (
                "to_password_command",
                "运行一个打印目标仓库密码的程序；规则同 --password-command [环境变量：DATAKEEP_TO_PASSWORD_COMMAND]",
            ),
            ("to_recovery_code", "用恢复码打开目标仓库：终端输入，或来自 DATAKEEP_TO_RECOVERY_CODE"),
            ("source", "只复制该数据源的"),
            ("host", "只复制该主机的"),
            ("tag", "只复制带该标签的；可重复"),
            ("all", "同时复制目标仓库已遗忘的，以及来自目标仓库而那里已不存在的"),
            ("verify", "回读副本并与原备份集逐字节比较；按名称指定的、已存在的副本也会比较"),
            ("dry_run", "只说明将复制什么，不写入任何内容"),
            ("compression", "压缩强度：fast、default、high 或 1 到 19"),
            ("workers", "读取和压缩的线程数"),
        ],
    ),
    ("source", &[("", "准备要备份的数据源")]),
    (
        "source grants",
        &[
            ("", "打印创建只读角色的语句：该角色可读取数据库，不能作任何修改"),
            ("location", "数据库：postgres://用户@主机/数据库；以该用户的身份查看"),
            ("role", "角色名"),
            ("per_schema", "只授予各模式上的权限，而不用一项涵盖一切的权限"),
            ("check", "改为列出该位置的用户缺少的权限"),
            ("database_option", "读取数据库的方式，与 backup 相同；可重复"),
        ],
    ),
    (
        "server",
        &[
            ("", "运行平台服务：策略、调度、作业及其历史，并提供 API"),
            ("data", "服务器数据目录：控制数据库、缓存和锁；不存在时新建"),
            ("listen", "监听地址和端口"),
            ("workers", "同时运行的作业数"),
        ],
    ),
    ("config", &[("", "显示配置")]),
    ("config show", &[("", "打印配置文件或当前生效的配置"), ("effective", "打印每个生效的值及其来源")]),
    ("doctor", &[("", "检查环境和仓库")]),
    ("doctor store", &[("", "探测存储的保证：备份是否安全、gc 能否与备份同时进行；不需要密码")]),
    (
        "demo",
        &[
            ("", "在全新的示例上演示主要功能并给出证明"),
            ("dir", "在该新目录或空目录中进行；默认在系统临时目录中新建"),
            ("keep", "保留该目录"),
            ("tree", "备份该目录而不是生成的示例；先复制，不修改原目录"),
        ],
    ),
    ("completion", &[("", "打印 shell 补全脚本"), ("shell", "shell 类型")]),
    ("man", &[("", "打印手册，或写出全部手册页"), ("dir", "将所有手册页写入该目录")]),
];
