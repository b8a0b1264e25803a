/* A drive with a fault, for every path below one folder: preloaded, it stands between a program and the C library.
 *
 * IMAGESWEEP_DRIVE        the folder, absolute and without links
 * IMAGESWEEP_DRIVE_FAULT  locks | links | rename | eio | estale
 * IMAGESWEEP_DRIVE_COUNT  eio and estale: a file of eight zero bytes, which counts the calls of all processes
 * IMAGESWEEP_DRIVE_FROM   eio and estale: how many calls the drive answers before it is gone
 *
 * locks   neither flock nor fcntl can lock (ENOLCK), as on NFS without its lock service
 * links   no hard links and no symbolic ones (EPERM), as on FAT
 * rename  no renaming over a file that any process has open (EBUSY), as on SMB
 * eio     every call fails once the drive is gone (EIO), as when a disk is pulled
 * estale  the same (ESTALE), as when an NFS server comes back without the folder
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault { NONE, LOCKS, LINKS, RENAME, GONE };

static const char *drive;
static size_t drive_length;
static enum fault fault;
static int gone_error;
static long answered;
static _Atomic long *count;

#define NEXT(name) (((__typeof__(&name))next_function(#name)))

static void *next_function(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void configure(void)
{
    const char *kind = getenv("IMAGESWEEP_DRIVE_FAULT"), *file = getenv("IMAGESWEEP_DRIVE_COUNT");
    const char *from = getenv("IMAGESWEEP_DRIVE_FROM");
    static const char *names[] = {"", "locks", "links", "rename"};

    drive = getenv("IMAGESWEEP_DRIVE");
    if (!drive || !kind)
        return;
    drive_length = strlen(drive);
    for (int i = LOCKS; i <= RENAME; i++)
        if (!strcmp(kind, names[i]))
            fault = i;
    if (!strcmp(kind, "eio") || !strcmp(kind, "estale")) {
        int descriptor = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
        void *page =
            (void *)syscall(SYS_mmap, NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (descriptor < 0 || page == MAP_FAILED || !from)
            abort();
        syscall(SYS_close, descriptor);
        count = page;
        answered = atol(from);
        gone_error = strcmp(kind, "eio") ? ESTALE : EIO;
        fault = GONE;
    }
    if (!fault)
        abort();
}

static int below(const char *path)
{
    return !strncmp(path, drive, drive_length) && (!path[drive_length] || path[drive_length] == '/');
}

static int path_of(int descriptor, char *path) /* 0 where it is no file with a name */
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return path[0] == '/';
}

static int absolute(int folder, const char *path, char *full)
{
    if (path[0] == '/')
        return snprintf(full, PATH_MAX, "%s", path) < PATH_MAX;
    char base[PATH_MAX];
    if (folder == AT_FDCWD ? syscall(SYS_getcwd, base, sizeof base) < 0 : !path_of(folder, base))
        return 0;
    return snprintf(full, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static int on_drive(int folder, const char *path)
{
    char full[PATH_MAX];
    return fault && path && absolute(folder, path, full) && below(full);
}

static int open_on_drive(int descriptor)
{
    char full[PATH_MAX];
    return fault && descriptor >= 0 && path_of(descriptor, full) && below(full);
}

static int refused(int error)
{
    errno = error;
    return -1;
}

static int is_gone(void) /* counts a call to the drive */
{
    if (atomic_fetch_add(count, 1) < answered)
        return 0;
    errno = gone_error;
    return 1;
}

static int path_gone(int folder, const char *path)
{
    return fault == GONE && on_drive(folder, path) && is_gone();
}

static int file_gone(int descriptor)
{
    int before = errno, gone = fault == GONE && open_on_drive(descriptor) && is_gone();
    if (!gone)
        errno = before;
    return gone;
}

/* Opening and looking */

#define OPEN(name, parameters, folder_is, forward)                                                                   \
    int name parameters                                                                                              \
    {                                                                                                                \
        int folder = folder_is;                                                                                      \
        mode_t mode = 0;                                                                                             \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                                       \
            va_list rest;                                                                                            \
            va_start(rest, flags);                                                                                   \
            mode = va_arg(rest, mode_t);                                                                             \
            va_end(rest);                                                                                            \
        }                                                                                                            \
        if (path_gone(folder, path))                                                                                 \
            return -1;                                                                                               \
        return NEXT(name) forward;                                                                                   \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), at, (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), at, (at, path, flags, mode))

#define ON_PATH(type, failed, name, parameters, folder_is, forward)                                                  \
    type name parameters                                                                                             \
    {                                                                                                                \
        int folder = folder_is;                                                                                      \
        if (path_gone(folder, path))                                                                                 \
            return failed;                                                                                           \
        return NEXT(name) forward;                                                                                   \
    }
ON_PATH(FILE *, NULL, fopen, (const char *path, const char *mode), AT_FDCWD, (path, mode))
ON_PATH(FILE *, NULL, fopen64, (const char *path, const char *mode), AT_FDCWD, (path, mode))
ON_PATH(DIR *, NULL, opendir, (const char *path), AT_FDCWD, (path))
ON_PATH(int, -1, stat, (const char *path, struct stat *into), AT_FDCWD, (path, into))
ON_PATH(int, -1, stat64, (const char *path, struct stat64 *into), AT_FDCWD, (path, into))
ON_PATH(int, -1, lstat, (const char *path, struct stat *into), AT_FDCWD, (path, into))
ON_PATH(int, -1, lstat64, (const char *path, struct stat64 *into), AT_FDCWD, (path, into))
ON_PATH(int, -1, fstatat, (int at, const char *path, struct stat *into, int how), at, (at, path, into, how))
ON_PATH(int, -1, fstatat64, (int at, const char *path, struct stat64 *into, int how), at, (at, path, into, how))
ON_PATH(int, -1, statx, (int at, const char *path, int how, unsigned mask, struct statx *into), at,
        (at, path, how, mask, into))
ON_PATH(int, -1, access, (const char *path, int mode), AT_FDCWD, (path, mode))
ON_PATH(int, -1, mkdir, (const char *path, mode_t mode), AT_FDCWD, (path, mode))
ON_PATH(int, -1, mkdirat, (int at, const char *path, mode_t mode), at, (at, path, mode))
ON_PATH(int, -1, rmdir, (const char *path), AT_FDCWD, (path))
ON_PATH(int, -1, unlink, (const char *path), AT_FDCWD, (path))
ON_PATH(int, -1, unlinkat, (int at, const char *path, int how), at, (at, path, how))
ON_PATH(int, -1, truncate, (const char *path, off_t size), AT_FDCWD, (path, size))
ON_PATH(int, -1, truncate64, (const char *path, off64_t size), AT_FDCWD, (path, size))
ON_PATH(ssize_t, -1, readlink, (const char *path, char *into, size_t size), AT_FDCWD, (path, into, size))
ON_PATH(int, -1, utimensat, (int at, const char *path, const struct timespec times[2], int how), at,
        (at, path, times, how))

/* Reading and writing */

#define ON_FILE(type, name, parameters, forward)                                                                     \
    type name parameters                                                                                             \
    {                                                                                                                \
        return file_gone(file) ? -1 : NEXT(name) forward;                                                            \
    }
ON_FILE(ssize_t, read, (int file, void *into, size_t size), (file, into, size))
ON_FILE(ssize_t, readv, (int file, const struct iovec *parts, int n), (file, parts, n))
ON_FILE(ssize_t, pread, (int file, void *into, size_t size, off_t from), (file, into, size, from))
ON_FILE(ssize_t, pread64, (int file, void *into, size_t size, off64_t from), (file, into, size, from))
ON_FILE(ssize_t, write, (int file, const void *bytes, size_t size), (file, bytes, size))
ON_FILE(ssize_t, writev, (int file, const struct iovec *parts, int n), (file, parts, n))
ON_FILE(ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t to), (file, bytes, size, to))
ON_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t size, off64_t to), (file, bytes, size, to))
ON_FILE(int, fsync, (int file), (file))
ON_FILE(int, fdatasync, (int file), (file))
ON_FILE(int, ftruncate, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, (int file, off64_t size), (file, size))
ON_FILE(int, fstat, (int file, struct stat *into), (file, into))
ON_FILE(int, fstat64, (int file, struct stat64 *into), (file, into))

#define MAPPED(name, offset)                                                                                         \
    void *name(void *at, size_t size, int protection, int flags, int file, offset from)                              \
    {                                                                                                                \
        if (!(flags & MAP_ANONYMOUS) && file_gone(file))                                                             \
            return MAP_FAILED;                                                                                       \
        return (void *)syscall(SYS_mmap, at, size, protection, flags, file, from);                       \
    }
MAPPED(mmap, off_t)
MAPPED(mmap64, off64_t)

/* Locks */

int flock(int file, int operation)
{
    if (fault == LOCKS && open_on_drive(file) && !(operation & LOCK_UN))
        return refused(ENOLCK);
    return file_gone(file) ? -1 : NEXT(flock)(file, operation);
}

static int locks(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW || command == F_OFD_GETLK;
}

#define CONTROL(name)                                                                                                \
    int name(int file, int command, ...)                                                                             \
    {                                                                                                                \
        va_list rest;                                                                                                \
        va_start(rest, command);                                                                                     \
        void *argument = va_arg(rest, void *);                                                                       \
        va_end(rest);                                                                                                \
        if (fault == LOCKS && locks(command) && open_on_drive(file))                                                 \
            return refused(ENOLCK);                                                                                  \
        if (locks(command) && file_gone(file))                                                                       \
            return -1;                                                                                               \
        return NEXT(name)(file, command, argument);                                                                  \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

/* Second names */

static int link_refused(int folder, const char *path)
{
    return (fault == LINKS && on_drive(folder, path) && refused(EPERM)) || path_gone(folder, path);
}

int link(const char *from, const char *to)
{
    return link_refused(AT_FDCWD, to) ? -1 : NEXT(link)(from, to);
}

int linkat(int at, const char *from, int folder, const char *to, int how)
{
    return link_refused(folder, to) ? -1 : NEXT(linkat)(at, from, folder, to, how);
}

int symlink(const char *says, const char *path)
{
    return link_refused(AT_FDCWD, path) ? -1 : NEXT(symlink)(says, path);
}

int symlinkat(const char *says, int folder, const char *path)
{
    return link_refused(folder, path) ? -1 : NEXT(symlinkat)(says, folder, path);
}

/* Renaming */

static int is_held(int folder, const char *path) /* whether any process has the file open */
{
    struct stat wanted, status;
    int held = 0;
    if (syscall(SYS_newfstatat, folder, path, &wanted, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(wanted.st_mode))
        return 0;
    DIR *processes = NEXT(opendir)("/proc");
    struct dirent64 *process, *open_file;
    while (processes && !held && (process = readdir64(processes))) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "/proc/%s/fd", process->d_name);
        DIR *files = process->d_name[0] >= '1' && process->d_name[0] <= '9' ? NEXT(opendir)(name) : NULL;
        while (files && !held && (open_file = readdir64(files))) {
            snprintf(name, sizeof name, "/proc/%s/fd/%s", process->d_name, open_file->d_name);
            held = syscall(SYS_newfstatat, AT_FDCWD, name, &status, 0) == 0 && status.st_ino == wanted.st_ino &&
                   status.st_dev == wanted.st_dev;
        }
        if (files)
            closedir(files);
    }
    if (processes)
        closedir(processes);
    return held;
}

static int moved(int from_folder, const char *from, int to_folder, const char *to, unsigned how)
{
    if (path_gone(from_folder, from) || path_gone(to_folder, to))
        return -1;
    if (fault == RENAME && on_drive(to_folder, to) && is_held(to_folder, to))
        return refused(EBUSY);
    return syscall(SYS_renameat2, from_folder, from, to_folder, to, how);
}

int rename(const char *from, const char *to)
{
    return moved(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return moved(from_folder, from, to_folder, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned how)
{
    return moved(from_folder, from, to_folder, to, how);
}
