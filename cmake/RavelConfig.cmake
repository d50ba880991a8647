# find_package(Ravel): data race and deadlock detection for the targets of a project, and goroutines.
#
#     find_package(Ravel REQUIRED)
#     ravel_instrument(target...)     # after add_executable() or add_library()
#
#     target_link_libraries(target PRIVATE Ravel::go)   # <ravel.h>: goroutines, with and without detection
#
# ravel_instrument compiles the targets with instrumentation and links Ravel's runtime to those that are linked. It works with gcc and
# clang, for C and C++; under CC="ravel cc" it changes nothing that matters. Every part of a program that shares memory
# between threads is to be instrumented; what is not is not checked.

get_filename_component(RAVEL_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(RAVEL_LIBRARY_DIR "${RAVEL_PREFIX}/lib/ravel")
set(RAVEL_EXECUTABLE "${RAVEL_PREFIX}/bin/ravel")
foreach(file libravel.so ravel_rt.o exports.list gcc.specs)
  if(NOT EXISTS "${RAVEL_LIBRARY_DIR}/${file}")
    set(Ravel_FOUND FALSE)
    set(Ravel_NOT_FOUND_MESSAGE "${RAVEL_LIBRARY_DIR}/${file} is missing; Ravel is installed only in part")
    return()
  endif()
endforeach()

# The scheduler is linked statically: a program needs no path to it.
if(EXISTS "${RAVEL_LIBRARY_DIR}/libravel_go.a" AND NOT TARGET Ravel::go)
  add_library(Ravel::go STATIC IMPORTED)
  set_target_properties(Ravel::go PROPERTIES IMPORTED_LOCATION "${RAVEL_LIBRARY_DIR}/libravel_go.a"
    INTERFACE_INCLUDE_DIRECTORIES "${RAVEL_PREFIX}/include" INTERFACE_LINK_LIBRARIES "pthread;m")
endif()

# gcc's spec file hands -fsanitize=thread to the compiler proper, also to that which runs when the link optimises, but
# not to the driver, which would link libtsan.
function(_ravel_compile target)
  set(gcc $<OR:$<COMPILE_LANG_AND_ID:C,GNU>,$<COMPILE_LANG_AND_ID:CXX,GNU>>)
  set(clang $<OR:$<COMPILE_LANG_AND_ID:C,Clang>,$<COMPILE_LANG_AND_ID:CXX,Clang>>)
  target_compile_options(${target} PRIVATE
    "$<${gcc}:-specs=${RAVEL_LIBRARY_DIR}/gcc.specs>" "$<${clang}:-fsanitize=thread>" "$<$<OR:${gcc},${clang}>:-g>")
endfunction()

# The property itself is set, because a project may have called target_link_libraries() without PRIVATE.
function(_ravel_link target type)
  set(gcc $<OR:$<LINK_LANG_AND_ID:C,GNU>,$<LINK_LANG_AND_ID:CXX,GNU>>)
  target_link_options(${target} PRIVATE "$<${gcc}:-specs=${RAVEL_LIBRARY_DIR}/gcc.specs>")
  if(type STREQUAL "EXECUTABLE")
    target_link_options(${target} PRIVATE "LINKER:--dynamic-list=${RAVEL_LIBRARY_DIR}/exports.list")
    set_property(TARGET ${target} APPEND PROPERTY LINK_LIBRARIES "${RAVEL_LIBRARY_DIR}/ravel_rt.o")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${RAVEL_LIBRARY_DIR}/ravel_rt.o")
  else()
    target_link_options(${target} PRIVATE "LINKER:-rpath,${RAVEL_LIBRARY_DIR}")
    set_property(TARGET ${target} APPEND PROPERTY LINK_LIBRARIES "${RAVEL_LIBRARY_DIR}/libravel.so")
  endif()
endfunction()

function(ravel_instrument)
  foreach(target ${ARGN})
    if(NOT TARGET ${target})
      message(FATAL_ERROR "ravel_instrument: ${target} is no target")
    endif()
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "INTERFACE_LIBRARY" OR type STREQUAL "UTILITY")
      message(FATAL_ERROR "ravel_instrument: ${target} compiles nothing")
    endif()
    _ravel_compile(${target})
    if(type MATCHES "^(EXECUTABLE|SHARED_LIBRARY|MODULE_LIBRARY)$")
      _ravel_link(${target} ${type})
    endif()
  endforeach()
endfunction()

# ravel_name_tests() and ravel_gate_target(), see there.
include("${CMAKE_CURRENT_LIST_DIR}/RavelGate.cmake")
