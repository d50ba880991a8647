# RavelGate.cmake: CTest and `ravel gate`. An installed Ravel brings it with find_package(Ravel); or copy it into the
# project: it needs nothing but the command `ravel`.
#
#     include(RavelGate.cmake)
#     add_test(NAME bank COMMAND test_bank)
#     ravel_name_tests()                                     # the tests of this directory so far: reports name them
#     ravel_gate_target(OPTIONS --baseline ${CMAKE_SOURCE_DIR}/races.json)    # cmake --build build --target gate

# Each test of this directory gets RAVEL_TEST_NAME, unless it has one. Where a program holds many tests that name
# themselves (Criterion, gtest, TAP), leave it out: theirs are finer.
function(ravel_name_tests)
  get_property(tests DIRECTORY PROPERTY TESTS)
  foreach(test IN LISTS tests)
    get_property(environment TEST "${test}" PROPERTY ENVIRONMENT)
    if(NOT environment MATCHES "(^|;)RAVEL_TEST_NAME=")
      set_property(TEST "${test}" APPEND PROPERTY ENVIRONMENT "RAVEL_TEST_NAME=${test}")
    endif()
  endforeach()
endfunction()

# A target, `gate` if no other name is given, that runs all tests under the gate.
function(ravel_gate_target)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "OPTIONS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ravel_gate_target: ${arg_UNPARSED_ARGUMENTS}: write NAME or OPTIONS before it")
  endif()
  if(NOT arg_NAME)
    set(arg_NAME gate)
  endif()
  if(NOT RAVEL_EXECUTABLE)
    find_program(RAVEL_EXECUTABLE ravel)
  endif()
  if(NOT RAVEL_EXECUTABLE)
    message(STATUS "ravel is not here, so there is no target ${arg_NAME}")
    return()
  endif()
  add_custom_target(${arg_NAME} VERBATIM USES_TERMINAL WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
                    COMMAND "${RAVEL_EXECUTABLE}" gate ${arg_OPTIONS} -- "${CMAKE_CTEST_COMMAND}" --test-dir "${CMAKE_BINARY_DIR}")
endfunction()
