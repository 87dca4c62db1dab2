//! nf_tables: tables, chains, rules and their expressions, sets, objects, trace records.
