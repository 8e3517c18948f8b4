# Flags shared by every target: warnings are errors in our own code, never in others' headers.
add_library(multitalk_options INTERFACE)
# With the sanitizers GCC 12 warns of overflows in the standard library that cannot happen.
# GCC 13 and 14 take any reference that a function returns for one to its temporary arguments.
target_compile_options(
  multitalk_options
  INTERFACE
    -Wall -Wextra $<$<NOT:$<BOOL:${MULTITALK_SANITIZE}>>:-Werror>
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-dangling-reference>
)
target_include_directories(multitalk_options INTERFACE ${CMAKE_SOURCE_DIR}/lib)

if(MULTITALK_ASSERTIONS)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()
if(MULTITALK_SANITIZE)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-omit-frame-pointer>")
  add_link_options(-fsanitize=address,undefined)
endif()
if(MULTITALK_TIDY)
  find_program(CLANG_TIDY clang-tidy REQUIRED)
  set(CMAKE_CXX_CLANG_TIDY ${CLANG_TIDY})
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness lets ccache work beside a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
endif()
