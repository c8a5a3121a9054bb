# DuckDB::DuckDB — the C API. Looks in the system first, then in .deps/duckdb, where packaging/setup.sh puts the pinned
# library and header, and beside an installed Lacuna.
find_path(DuckDB_INCLUDE_DIR duckdb.h
  PATHS ${PROJECT_SOURCE_DIR}/.deps/duckdb/include ${CMAKE_CURRENT_LIST_DIR}/../../../include)
find_library(DuckDB_LIBRARY duckdb
  PATHS ${PROJECT_SOURCE_DIR}/.deps/duckdb/lib ${CMAKE_CURRENT_LIST_DIR}/../../../lib)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run packaging/setup.sh, or install libduckdb and duckdb.h")
if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES
    IMPORTED_LOCATION ${DuckDB_LIBRARY} IMPORTED_NO_SONAME ON INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
