// Made by `npm run client` from the description that the server serves. Not to be edited.
export interface paths {
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists records, oldest first. */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/verdict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Follows the whole chain. */
        get: operations["verifyAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/findings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what is not well now, by the usual rules. */
        get: operations["listFindings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the server and its database answer. */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This description. */
        get: operations["describe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overdue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what is overdue: computed from snapshots that are not there, whether or not anything ran. */
        get: operations["listOverdue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists them, oldest first. */
        get: operations["listPolicies"];
        put?: never;
        /** Adds one. */
        post: operations["addPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one; its ETag is its revision. */
        get: operations["getPolicy"];
        /** Replaces one, if it still has the revision that If-Match names. */
        put: operations["replacePolicy"];
        post?: never;
        /** Removes one, if it still has the revision that If-Match names. */
        delete: operations["removePolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/{id}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts a backup of each source of a policy now, also of one that rests. */
        post: operations["startPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/repositories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists them, oldest first. */
        get: operations["listRepositories"];
        put?: never;
        /** Adds one. */
        post: operations["addRepository"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/repositories/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one; its ETag is its revision. */
        get: operations["getRepository"];
        /** Replaces one, if it still has the revision that If-Match names. */
        put: operations["replaceRepository"];
        post?: never;
        /** Removes one, if it still has the revision that If-Match names. */
        delete: operations["removeRepository"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/repositories/{id}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts work of a repository now. */
        post: operations["startWork"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists runs, newest first. */
        get: operations["listRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a run. */
        get: operations["getRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks a run to stop. One that waits ends at once. */
        post: operations["cancelRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sends what a run tells as server-sent events, from the beginning or behind Last-Event-ID; the last is `end`. */
        get: operations["streamEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the items a run lost. */
        get: operations["listItems"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Queues an ended run again. */
        post: operations["retryRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says who is signed in. */
        get: operations["whoami"];
        put?: never;
        /** Signs in: the session is a cookie, and its csrf value is in the answer. */
        post: operations["login"];
        /** Signs out. */
        delete: operations["logout"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes the owner, once. */
        post: operations["setup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists snapshots, newest first, as repositories told the last time they were asked. */
        get: operations["listSnapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists them, oldest first. */
        get: operations["listSources"];
        put?: never;
        /** Adds one. */
        post: operations["addSource"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sources/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one; its ETag is its revision. */
        get: operations["getSource"];
        /** Replaces one, if it still has the revision that If-Match names. */
        put: operations["replaceSource"];
        post?: never;
        /** Removes one, if it still has the revision that If-Match names. */
        delete: operations["removeSource"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists one's own tokens. */
        get: operations["listTokens"];
        put?: never;
        /** Makes a token of one's own. It is shown here and never again. */
        post: operations["addToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Removes a token of one's own: it opens nothing from now on. */
        delete: operations["removeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists users. */
        get: operations["listUsers"];
        put?: never;
        /** Makes a user. */
        post: operations["addUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Removes a user, with all sessions and tokens. */
        delete: operations["removeUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells all figures as OpenMetrics text, or in Prometheus's older format where `Accept` names `text/plain` alone. */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description All that is not well. */
        FindingList: {
            /** @description Nothing when all is as it should be. */
            items: components["schemas"]["FindingWire"][];
        };
        /** @description Something that is not well. */
        FindingWire: {
            /** @description Why, in numbers; `kind` says which. */
            facts: unknown;
            /** @description What to do next. */
            next: string;
            /** @description What of it, such as the kind of a run; mostly empty. */
            part: string;
            /** @description Id of the policy, where it is about one. */
            policy?: string | null;
            /** @description Id of the repository. */
            repository: string;
            /**
             * @description `overdue`, `rpo-breach`, `failed`, `partial`, `verification-too-old`, `no-drill`, `capacity-growth`, `row-count` or
             *     `schema-change`.
             */
            rule: string;
            /** @description `info`, `warning` or `critical`. */
            severity: string;
            /** @description Id of the source, where it is about one. */
            source?: string | null;
            /** @description Why, in one sentence. */
            why: string;
        };
        /** @description Whether the server lives. */
        Health: {
            /** @description False until there is an owner. */
            is_set_up: boolean;
            /** @description Always `ok`; else there is a problem document. */
            status: string;
            /** @description The program's version. */
            version: string;
        };
        /** @description An item that a run lost. */
        ItemWire: {
            /** @description A stable word, such as `denied`. */
            cause: string;
            /** @description The system's own words. */
            detail: string;
            /** @description Where it is. */
            path: string;
        };
        /** @description A document as it is kept. */
        KeptWire_PolicyWire: {
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            created_ms: number;
            /** @description Never changes. */
            id: string;
            /**
             * Format: int64
             * @description Grows with each change; also the ETag.
             */
            revision: number;
            /** @description A policy. */
            spec: {
                /** @description Nothing is started for a policy that rests. */
                enabled?: boolean;
                /** @description What people call it. */
                name: string;
                /** @description Id of the repository. */
                repository: string;
                retention?: components["schemas"]["RetentionWire"] | null;
                /**
                 * Format: int64
                 * @description How old the newest snapshot may become, in seconds.
                 */
                rpo_s?: number | null;
                schedule?: components["schemas"]["ScheduleWire"] | null;
                /** @description Ids of sources, at least one. */
                sources: string[];
            };
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            updated_ms: number;
        };
        /** @description A document as it is kept. */
        KeptWire_RepositoryWire: {
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            created_ms: number;
            /** @description Never changes. */
            id: string;
            /**
             * Format: int64
             * @description Grows with each change; also the ETag.
             */
            revision: number;
            /** @description A repository. */
            spec: {
                check?: components["schemas"]["ScheduleWire"] | null;
                /**
                 * Format: int32
                 * @description In how many slices every byte is read, 1 to 365.
                 */
                check_slices?: number;
                gc?: components["schemas"]["ScheduleWire"] | null;
                /** @description A directory, or a URL such as `s3://BUCKET/PREFIX`. */
                location: string;
                /** @description What people call it. */
                name: string;
                /** @description Where its password is: `env:NAME`, `file:/path` or `cmd:PROGRAM ARGUMENTS`. Never the password itself. */
                password?: string | null;
                /** @description How to speak to an object store, as `KEY=VALUE`. */
                store_options?: string[];
            };
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            updated_ms: number;
        };
        /** @description A document as it is kept. */
        KeptWire_SourceWire: {
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            created_ms: number;
            /** @description Never changes. */
            id: string;
            /**
             * Format: int64
             * @description Grows with each change; also the ETag.
             */
            revision: number;
            /** @description A source. */
            spec: {
                /** @description What is left out of files, as in a `.gitignore`. */
                exclude?: string[];
                /** @description An absolute path, `sqlite:/PATH`, or `postgres://USER@HOST/DATABASE` without a password. */
                location: string;
                /** @description What people call it, and what its snapshots are of. */
                name: string;
                /** @description Where the password of a database is: `env:NAME` or `file:/path`. */
                password?: string | null;
            };
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            updated_ms: number;
        };
        /** @description Who signs in. */
        Login: {
            /** @description Name of the user. */
            name: string;
            /** @description The password. */
            password: string;
        };
        /** @description A token to be made. */
        NewToken: {
            /**
             * Format: int32
             * @description 1 to 366.
             */
            days: number;
            /** @description What for. */
            name: string;
            /** @description Its rights, such as `state.read`; all of them must be its owner's. */
            scopes: string[];
        };
        /** @description A user to be made. */
        NewUser: {
            /** @description What they sign in with. */
            name: string;
            /** @description At least 12 bytes. */
            password: string;
            /** @description `owner`, `admin`, `operator`, `restorer`, `viewer`, `auditor` or `metrics`. */
            role: string;
        };
        /** @description All that is overdue. */
        OverdueList: {
            /** @description Nothing when all is as it should be. */
            items: components["schemas"]["OverdueWire"][];
        };
        /** @description A source whose newest snapshot is older than it may be. */
        OverdueWire: {
            /**
             * Format: int64
             * @description When the newest snapshot began, in seconds since 1970; absent when there is none.
             */
            newest_s?: number | null;
            /** @description Id of the policy. */
            policy: string;
            /**
             * Format: int64
             * @description Since when, in seconds since 1970.
             */
            since_s: number;
            /** @description Id of the source. */
            source: string;
        };
        /** @description One page of a list. */
        PageWire_ItemWire: {
            /** @description The entries. */
            items: {
                /** @description A stable word, such as `denied`. */
                cause: string;
                /** @description The system's own words. */
                detail: string;
                /** @description Where it is. */
                path: string;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_KeptWire_PolicyWire: {
            /** @description The entries. */
            items: {
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                created_ms: number;
                /** @description Never changes. */
                id: string;
                /**
                 * Format: int64
                 * @description Grows with each change; also the ETag.
                 */
                revision: number;
                /** @description A policy. */
                spec: {
                    /** @description Nothing is started for a policy that rests. */
                    enabled?: boolean;
                    /** @description What people call it. */
                    name: string;
                    /** @description Id of the repository. */
                    repository: string;
                    retention?: components["schemas"]["RetentionWire"] | null;
                    /**
                     * Format: int64
                     * @description How old the newest snapshot may become, in seconds.
                     */
                    rpo_s?: number | null;
                    schedule?: components["schemas"]["ScheduleWire"] | null;
                    /** @description Ids of sources, at least one. */
                    sources: string[];
                };
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                updated_ms: number;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_KeptWire_RepositoryWire: {
            /** @description The entries. */
            items: {
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                created_ms: number;
                /** @description Never changes. */
                id: string;
                /**
                 * Format: int64
                 * @description Grows with each change; also the ETag.
                 */
                revision: number;
                /** @description A repository. */
                spec: {
                    check?: components["schemas"]["ScheduleWire"] | null;
                    /**
                     * Format: int32
                     * @description In how many slices every byte is read, 1 to 365.
                     */
                    check_slices?: number;
                    gc?: components["schemas"]["ScheduleWire"] | null;
                    /** @description A directory, or a URL such as `s3://BUCKET/PREFIX`. */
                    location: string;
                    /** @description What people call it. */
                    name: string;
                    /** @description Where its password is: `env:NAME`, `file:/path` or `cmd:PROGRAM ARGUMENTS`. Never the password itself. */
                    password?: string | null;
                    /** @description How to speak to an object store, as `KEY=VALUE`. */
                    store_options?: string[];
                };
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                updated_ms: number;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_KeptWire_SourceWire: {
            /** @description The entries. */
            items: {
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                created_ms: number;
                /** @description Never changes. */
                id: string;
                /**
                 * Format: int64
                 * @description Grows with each change; also the ETag.
                 */
                revision: number;
                /** @description A source. */
                spec: {
                    /** @description What is left out of files, as in a `.gitignore`. */
                    exclude?: string[];
                    /** @description An absolute path, `sqlite:/PATH`, or `postgres://USER@HOST/DATABASE` without a password. */
                    location: string;
                    /** @description What people call it, and what its snapshots are of. */
                    name: string;
                    /** @description Where the password of a database is: `env:NAME` or `file:/path`. */
                    password?: string | null;
                };
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                updated_ms: number;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_RecordWire: {
            /** @description The entries. */
            items: {
                /** @description Name of the operation. */
                act: string;
                /** @description Name of the user. */
                actor: string;
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                at_ms: number;
                /** @description More. */
                detail: string;
                /** @description Hash of this one. */
                hash: string;
                /** @description Path of what it was done to. */
                object: string;
                /** @description Hash of the record before. */
                previous: string;
                /** @description `ok`, or the code of the refusal. */
                result: string;
                /**
                 * Format: int64
                 * @description Counts from 1.
                 */
                seq: number;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_RunWire: {
            /** @description The entries. */
            items: {
                /**
                 * Format: int64
                 * @description 1, and one more with each retry.
                 */
                attempt: number;
                /** @description Somebody asked it to stop. */
                cancel_asked: boolean;
                /** @description How it ended: `ok`, or the kind of its error. */
                code?: string | null;
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                finished_ms?: number | null;
                /** @description What to do next. */
                hint?: string | null;
                /** @description Never changes. */
                id: string;
                /** @description `backup`, `forget`, `gc`, `check` or `catalogue`. */
                kind: string;
                /** @description What went wrong. */
                message?: string | null;
                /** @description Id of the policy, or of the repository for its own work. */
                owner: string;
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                queued_ms: number;
                /** @description Id of the repository. */
                repository: string;
                /** @description The run it repeats. */
                retry_of?: string | null;
                /**
                 * Format: int64
                 * @description The slot it stands for, in seconds since 1970.
                 */
                slot_s?: number | null;
                /** @description The snapshot that was taken. */
                snapshot?: string | null;
                /** @description Id of the source; empty for a repository's own work. */
                source: string;
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                started_ms?: number | null;
                /** @description `queued`, `running`, `complete`, `partial`, `failed` or `cancelled`. */
                state: string;
                /** @description The executor's final document. */
                summary?: unknown;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_SnapshotWire: {
            /** @description The entries. */
            items: {
                /** @description What `datakeep snapshots --json` says of it. */
                document: unknown;
                /** @description Id of the snapshot. */
                id: string;
                /** @description Id of the repository. */
                repository: string;
                /** @description Name of the source. */
                source: string;
                /** @description When its run began, as RFC 3339 in UTC. */
                started: string;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_TokenWire: {
            /** @description The entries. */
            items: {
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                created_ms: number;
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                expires_ms: number;
                /** @description Never changes. */
                id: string;
                /** @description What for. */
                name: string;
                /** @description Its rights, as far as its owner has them. */
                scopes: string[];
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description One page of a list. */
        PageWire_UserWire: {
            /** @description The entries. */
            items: {
                /**
                 * Format: int64
                 * @description Milliseconds since 1970.
                 */
                created_ms: number;
                /** @description Never changes. */
                id: string;
                /** @description What they sign in with. */
                name: string;
                /** @description `owner`, `admin`, `operator`, `restorer`, `viewer`, `auditor` or `metrics`. */
                role: string;
            }[];
            /** @description The cursor of the next page; absent on the last. */
            next?: string | null;
        };
        /** @description A policy. */
        PolicyWire: {
            /** @description Nothing is started for a policy that rests. */
            enabled?: boolean;
            /** @description What people call it. */
            name: string;
            /** @description Id of the repository. */
            repository: string;
            retention?: components["schemas"]["RetentionWire"] | null;
            /**
             * Format: int64
             * @description How old the newest snapshot may become, in seconds.
             */
            rpo_s?: number | null;
            schedule?: components["schemas"]["ScheduleWire"] | null;
            /** @description Ids of sources, at least one. */
            sources: string[];
        };
        /** @description A problem as it is sent. Its texts are English and for people; programs and translations go by `code`. */
        Problem: {
            /** @description A stable word. */
            code: string;
            /** @description What went wrong, and why. */
            detail: string;
            /** @description The field that makes no sense. */
            field?: string | null;
            /** @description What to do next. */
            hint: string;
            /**
             * Format: int32
             * @description Seconds to wait before the next try.
             */
            retry_after_s?: number | null;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The HTTP status in words. */
            title: string;
            /** @description `urn:datakeep:problem:` and the code. */
            type: string;
        };
        /** @description Runs that were queued. */
        Queued: {
            /** @description Their ids. */
            runs: string[];
        };
        /** @description A record of the audit log. */
        RecordWire: {
            /** @description Name of the operation. */
            act: string;
            /** @description Name of the user. */
            actor: string;
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            at_ms: number;
            /** @description More. */
            detail: string;
            /** @description Hash of this one. */
            hash: string;
            /** @description Path of what it was done to. */
            object: string;
            /** @description Hash of the record before. */
            previous: string;
            /** @description `ok`, or the code of the refusal. */
            result: string;
            /**
             * Format: int64
             * @description Counts from 1.
             */
            seq: number;
        };
        /** @description A repository. */
        RepositoryWire: {
            check?: components["schemas"]["ScheduleWire"] | null;
            /**
             * Format: int32
             * @description In how many slices every byte is read, 1 to 365.
             */
            check_slices?: number;
            gc?: components["schemas"]["ScheduleWire"] | null;
            /** @description A directory, or a URL such as `s3://BUCKET/PREFIX`. */
            location: string;
            /** @description What people call it. */
            name: string;
            /** @description Where its password is: `env:NAME`, `file:/path` or `cmd:PROGRAM ARGUMENTS`. Never the password itself. */
            password?: string | null;
            /** @description How to speak to an object store, as `KEY=VALUE`. */
            store_options?: string[];
        };
        /** @description What is kept. */
        RetentionWire: {
            /**
             * Format: int32
             * @description The floor: so many stay whatever the rules say.
             * @default 0
             */
            at_least: number;
            /**
             * Format: int32
             * @description Days.
             * @default 0
             */
            daily: number;
            /**
             * Format: int32
             * @description One of each of the newest N hours that have one; so on below.
             * @default 0
             */
            hourly: number;
            /**
             * Format: int32
             * @description The newest N.
             * @default 0
             */
            last: number;
            /**
             * Format: int32
             * @description Months.
             * @default 0
             */
            monthly: number;
            /**
             * @description All with one of these labels.
             * @default []
             */
            tags: string[];
            /**
             * Format: int32
             * @description Weeks.
             * @default 0
             */
            weekly: number;
            /**
             * @description All that are no older than this before the newest, such as `30d`.
             * @default null
             */
            within: string | null;
            /**
             * Format: int32
             * @description Years.
             * @default 0
             */
            yearly: number;
        };
        /** @description A run. */
        RunWire: {
            /**
             * Format: int64
             * @description 1, and one more with each retry.
             */
            attempt: number;
            /** @description Somebody asked it to stop. */
            cancel_asked: boolean;
            /** @description How it ended: `ok`, or the kind of its error. */
            code?: string | null;
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            finished_ms?: number | null;
            /** @description What to do next. */
            hint?: string | null;
            /** @description Never changes. */
            id: string;
            /** @description `backup`, `forget`, `gc`, `check` or `catalogue`. */
            kind: string;
            /** @description What went wrong. */
            message?: string | null;
            /** @description Id of the policy, or of the repository for its own work. */
            owner: string;
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            queued_ms: number;
            /** @description Id of the repository. */
            repository: string;
            /** @description The run it repeats. */
            retry_of?: string | null;
            /**
             * Format: int64
             * @description The slot it stands for, in seconds since 1970.
             */
            slot_s?: number | null;
            /** @description The snapshot that was taken. */
            snapshot?: string | null;
            /** @description Id of the source; empty for a repository's own work. */
            source: string;
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            started_ms?: number | null;
            /** @description `queued`, `running`, `complete`, `partial`, `failed` or `cancelled`. */
            state: string;
            /** @description The executor's final document. */
            summary?: unknown;
        };
        /** @description A schedule. */
        ScheduleWire: {
            /** @description `true`: the newest missed slot is started when it can be; `false`: missed is missed. */
            catch_up?: boolean;
            /**
             * @description Five fields: minute, hour, day of month, month, day of week.
             * @example 0 2 * * *
             */
            cron: string;
            /**
             * Format: int32
             * @description Starts are spread over so many seconds, at most 21600.
             */
            jitter_s?: number;
            /**
             * Format: int32
             * @description Seconds after which a slot that was not started is given up.
             */
            window_s?: number | null;
            /**
             * @description A name of the IANA time zone database.
             * @example Asia/Shanghai
             */
            zone: string;
        };
        /** @description A session. */
        SessionWire: {
            /** @description What unsafe requests carry as X-CSRF-Token; absent for a token. */
            csrf?: string | null;
            /** @description Who is signed in. */
            user: components["schemas"]["UserWire"];
        };
        /** @description The owner to be made. */
        Setup: {
            /** @description What the owner signs in with. */
            name: string;
            /** @description At least 12 bytes. */
            password: string;
            /** @description What stands in the one-time link. */
            token: string;
        };
        /** @description A token, shown once. */
        ShownToken: components["schemas"]["TokenWire"] & {
            /** @description What to send as `Authorization: Bearer`. */
            token: string;
        };
        /** @description A snapshot. */
        SnapshotWire: {
            /** @description What `datakeep snapshots --json` says of it. */
            document: unknown;
            /** @description Id of the snapshot. */
            id: string;
            /** @description Id of the repository. */
            repository: string;
            /** @description Name of the source. */
            source: string;
            /** @description When its run began, as RFC 3339 in UTC. */
            started: string;
        };
        /** @description A source. */
        SourceWire: {
            /** @description What is left out of files, as in a `.gitignore`. */
            exclude?: string[];
            /** @description An absolute path, `sqlite:/PATH`, or `postgres://USER@HOST/DATABASE` without a password. */
            location: string;
            /** @description What people call it, and what its snapshots are of. */
            name: string;
            /** @description Where the password of a database is: `env:NAME` or `file:/path`. */
            password?: string | null;
        };
        /** @description A token, without what it is. */
        TokenWire: {
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            created_ms: number;
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            expires_ms: number;
            /** @description Never changes. */
            id: string;
            /** @description What for. */
            name: string;
            /** @description Its rights, as far as its owner has them. */
            scopes: string[];
        };
        /** @description A user. */
        UserWire: {
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            created_ms: number;
            /** @description Never changes. */
            id: string;
            /** @description What they sign in with. */
            name: string;
            /** @description `owner`, `admin`, `operator`, `restorer`, `viewer`, `auditor` or `metrics`. */
            role: string;
        };
        /** @description What following the chain found. */
        VerdictWire: {
            /**
             * Format: int64
             * @description The first record that does not.
             */
            broken_at?: number | null;
            /** @description Hash of the newest of them: keep it elsewhere. */
            head: string;
            /**
             * Format: int64
             * @description Records that do.
             */
            records: number;
            /** @description True when every record belongs where it stands. */
            whole: boolean;
        };
        /** @description Work of a repository to be done now. */
        Work: {
            /** @description `gc`, `check` or `catalogue`. */
            kind: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listAudit: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_RecordWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifyAudit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerdictWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listFindings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FindingList"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    describe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    listOverdue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverdueList"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPolicies: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_KeptWire_PolicyWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyWire"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_PolicyWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_PolicyWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replacePolicy: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyWire"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_PolicyWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removePolicy: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queued"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRepositories: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_KeptWire_RepositoryWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addRepository: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RepositoryWire"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_RepositoryWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRepository: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_RepositoryWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceRepository: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RepositoryWire"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_RepositoryWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeRepository: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startWork: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Work"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queued"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRuns: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
                /** @description Only in this state. */
                state?: string;
                /** @description Only of this policy or repository. */
                owner?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_RunWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamEvents: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listItems: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_ItemWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whoami: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Setup"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSnapshots: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
                /** @description Only of the source of this name. */
                source?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_SnapshotWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSources: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_KeptWire_SourceWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addSource: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceWire"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_SourceWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSource: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_SourceWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceSource: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceWire"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptWire_SourceWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeSource: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_TokenWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShownToken"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Entries of a page, 1 to 500; 100 when it is not given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWire_UserWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUser"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserWire"];
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
