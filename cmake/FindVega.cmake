# Vega_JS, VegaLite_JS, VegaEmbed_JS — the minified chart libraries that reports carry inside. Looks in .deps/vega, where
# packaging/setup.sh puts the pinned versions, then where distributions keep JavaScript.
set(vega_folders ${PROJECT_SOURCE_DIR}/.deps/vega)
set(system_folders /usr/share/javascript /usr/share/nodejs /usr/local/lib/node_modules /usr/lib/node_modules)
foreach(library Vega:vega VegaLite:vega-lite VegaEmbed:vega-embed)
  string(REPLACE ":" ";" pair ${library})
  list(GET pair 0 variable)
  list(GET pair 1 package)
  find_file(${variable}_JS ${package}.min.js HINTS ${vega_folders} PATHS ${system_folders}
    PATH_SUFFIXES ${package} ${package}/build NO_CMAKE_FIND_ROOT_PATH)
  mark_as_advanced(${variable}_JS)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Vega REQUIRED_VARS Vega_JS VegaLite_JS VegaEmbed_JS
  REASON_FAILURE_MESSAGE "run packaging/setup.sh, or install vega 6, vega-lite 6 and vega-embed 7")
