package store

import "golang.org/x/sys/unix"

// onNetwork says whether folder is on a file system that several machines may
// share: there a WAL, whose index is in one machine's memory, would lose data.
func onNetwork(folder string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(folder, &fs) != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
		unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, gfs2Magic, lustreMagic:
		return true
	}
	return false
}

// Magic numbers that x/sys/unix has no names for (statfs(2)).
const (
	gfs2Magic   = 0x01161970
	lustreMagic = 0x0bd00bd0
)
