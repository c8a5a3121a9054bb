# Optimising tests and the commands' option tables takes half of their compile time and saves nothing when they run.
set(LACUNA_COLD_CODE $<$<CONFIG:Release>:-O1>)

# lacuna_module(NAME HEADERS … SOURCES … LIBS …): one static library per folder of src/lacuna, linking exactly the
# modules that cmake/layers.cmake allows.
function(lacuna_module name)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;LIBS" ${ARGN})
  add_library(lacuna_${name} STATIC ${ARG_SOURCES})
  add_library(lacuna::${name} ALIAS lacuna_${name})
  set_target_properties(lacuna_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(lacuna_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
  target_compile_features(lacuna_${name} PUBLIC cxx_std_20)
  target_link_libraries(lacuna_${name} PRIVATE lacuna_warnings)
  foreach(layer IN LISTS LACUNA_LAYER_${name})
    target_link_libraries(lacuna_${name} PUBLIC lacuna_${layer})
  endforeach()
  if(ARG_LIBS)
    target_link_libraries(lacuna_${name} ${ARG_LIBS})
  endif()
  foreach(header IN LISTS ARG_HEADERS)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${header} DESTINATION include/lacuna/${name}/${folder})
  endforeach()
  install(TARGETS lacuna_${name} EXPORT lacunaTargets ARCHIVE DESTINATION lib)
endfunction()

# Generates version.cpp of a module from version.cpp.in; the commit is looked up at every build.
function(lacuna_version_source name)
  string(REPLACE ";" ", " LACUNA_FEATURES_LIST "${LACUNA_FEATURES_QUOTED}")
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/version.cpp)
  add_custom_command(
    OUTPUT ${generated} ${generated}.always
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/version.cpp.in
            -DOUTPUT=${generated} -DPROJECT_VERSION=${PROJECT_VERSION} "-DLACUNA_FEATURES_LIST=${LACUNA_FEATURES_LIST}"
            -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake
    VERBATIM)
  target_sources(lacuna_${name} PRIVATE ${generated})
endfunction()

# lacuna_test(NAME SOURCES … LIBS … [LABELS …] [DATA …]): one GoogleTest program per module; ctest sees each test.
function(lacuna_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} lacuna_test_support GTest::gtest GTest::gtest_main lacuna_warnings)
  target_compile_options(${name} PRIVATE ${LACUNA_COLD_CODE})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if("unit" IN_LIST ARG_LABELS)
    set_property(GLOBAL APPEND PROPERTY LACUNA_UNIT_TESTS ${name})
  endif()
  # Tests run beside each other: OpenMP threads that spin at every barrier would take turns of milliseconds.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 900 ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()

# lacuna_bench(NAME SOURCES … LIBS …): one Google Benchmark program per module; bench/run.sh runs every *_bench.
function(lacuna_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} benchmark::benchmark benchmark::benchmark_main lacuna_warnings)
endfunction()
